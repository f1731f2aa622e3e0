"""What other libraries get wrong, shown on a real server: one test a fault, with ours in the same scenario.

`make peers` builds their environments (build.py); scripts/ runs there, tests run here and talk to it (environment.py).
"""
