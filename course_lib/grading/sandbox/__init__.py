"""What isolates the child process in which a student's code runs.

    sandbox = probe()                                            # the best that really works here, or NoSandbox
    runner = sandbox.start([sys.executable, "-I", …], readable=[…], hidden=[…], pass_fds=[…])
    sandbox.kill(runner)                                         # it, and whatever it started

Outside, in the grader:
- `probe`       tries each sandbox with a child that misbehaves; takes the first that refuses all of it
- `child`       Sandbox: start, run with a wall clock and a cap on output, kill to the last descendant
- `bubblewrap`  a view of the files, a network and a process table of its own (Linux)
- `landlock`    the kernel refuses files and signals to a process that keeps its view of them (Linux)
- `seatbelt`    macOS's sandbox-exec, best effort
- `bare`        nothing but limits: only where the instructor says --unsafe

Inside, in the child. These three need the standard library only, and are quick to import:
- `limits`      how much a student's code may use
- `confine`     what a process does to itself before the first line of a student's code
- `seccomp`     the system calls that it gives up

Programs of their own, which nobody imports:
- `enter`       drops root, and applies Landlock, before the child's program begins
- `misbehave`   what the probe's child tries

What each of these enforces, and what they do not, stands in solutions/WHAT_THE_GRADER_PROTECTS.md.
"""
