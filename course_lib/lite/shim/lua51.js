// Lua 5.1 in WebAssembly for the module `lupa` beside this: the C API of a real Lua, driven from JavaScript.
//
// What crosses to Python is flat and plain, as that is cheapest: nil, booleans and numbers as they are, a Lua string
// as a string with one character for each byte, and a `Ref` for what stays where it is: a table or a function of
// Lua's, an object of Python's. A call that fails is an array whose first item is false.
(bytes, called, told) => {
  const [REGISTRY, MULTIPLE] = [-10000, -1];
  const [NIL, BOOLEAN, LIGHT, NUMBER, STRING, TABLE, FUNCTION, USERDATA, THREAD] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const STACK = 4 << 20;  // bytes for C: two hundred calls inside one another, each with buffers of its own
  const JUMP = Symbol("longjmp");
  const compiled = new WebAssembly.Module(bytes);

  class Ref {
    constructor(kind, at) {
      this.kind = kind;  // "table", "function", "userdata", "thread"; "python" for an object of Python's
      this.at = at;
    }
  }

  // A function of JavaScript's as one of wasm's own, which a table of functions may hold: a module that does nothing
  // but hand on what it imports. Its type is (i32) → i32, that of every C function of Lua's.
  const wrapper = new WebAssembly.Module(Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 2, 7, 1, 1, 101, 1, 102, 0, 0, 7, 5, 1, 1, 102, 0, 0,
  ));
  const wrapped = (call) => new WebAssembly.Instance(wrapper, {e: {f: call}}).exports.f;

  class Lua {
    // For `name`, a number, `called(name, number, ...values)` calls an object of Python's; `told` is its text.
    constructor(name, limit) {
      this.called = (...given) => called(name, ...given);
      this.told = (number) => told(name, number);
      const c = this.c = this.instance(limit).exports;
      this.memory = c.memory;
      c.__wasm_call_ctors();
      c.stackRestore((c.malloc(STACK) + STACK) & ~15);
      const L = this.L = c.luaL_newstate();
      this.calls = this.added((l) => this.call(l));
      this.texts = this.added((l) => { this.push(l, this.told(this.object(l, 1))); return 1; });
      this.refuses = this.added((l) => this.raise(l, this.called(-1)));
      c.luaL_openlibs(L);
      this.size = c.malloc(4);
      this.python = this.metatable({__call: this.calls, __tostring: this.texts, __index: this.refuses,
        __newindex: this.refuses, __metatable: 0});
    }

    instance(limit) {
      const grow = (size) => {
        const {memory} = this.c;
        if (limit && size > limit) return 0;
        try {
          memory.grow(Math.ceil(Math.max(size - memory.buffer.byteLength, 1 << 20) / 65536));
          return 1;
        } catch {
          return 0;
        }
      };
      const env = {
        invoke_vii: (at, one, two) => {
          const {c} = this, sp = c.stackSave();
          try {
            c.__indirect_function_table.get(at)(one, two);
          } catch (error) {
            c.stackRestore(sp);
            if (error !== JUMP) throw error;
            c.setThrew(1, 0);
          }
        },
        _emscripten_throw_longjmp: () => { throw JUMP; },
        emscripten_memcpy_js: (to, from, n) => new Uint8Array(this.memory.buffer).copyWithin(to, from, from + n),
        emscripten_resize_heap: (size) => grow(size >>> 0),
        emscripten_date_now: () => Date.now(),
        _emscripten_get_now_is_monotonic: () => 1,
        exit: (code) => { throw new Error(`Lua has ended with ${code}`); },
      };
      const nothing = () => -52;  // ENOSYS: there are no files, no clock of the system's and no processes
      const imports = {};
      for (const {module, name} of WebAssembly.Module.imports(compiled)) {
        (imports[module] ??= {})[name] = env[name] ?? nothing;
      }
      return new WebAssembly.Instance(compiled, imports);
    }

    added(call) {
      const table = this.c.__indirect_function_table, at = table.grow(1);
      table.set(at, wrapped(call));
      return at;
    }

    // -- memory and values ------------------------------------------------------------------------------------------

    text(at, length) {
      const seen = new Uint8Array(this.memory.buffer, at, length);
      if (length < 4096) return String.fromCharCode.apply(null, seen);
      let whole = "";
      for (let from = 0; from < length; from += 4096) {
        whole += String.fromCharCode.apply(null, seen.subarray(from, from + 4096));
      }
      return whole;
    }

    // The address of a text's bytes, which the caller frees; 0 if there is no memory for it.
    bytes(text) {
      const at = this.c.malloc(text.length + 1);
      if (!at) return 0;
      const seen = new Uint8Array(this.memory.buffer, at, text.length + 1);
      for (let i = 0; i < text.length; i++) seen[i] = text.charCodeAt(i);
      seen[text.length] = 0;
      return at;
    }

    string(L, text) {
      const at = this.bytes(text);
      if (!at) throw new RangeError("not enough memory");
      this.c.lua_pushlstring(L, at, text.length);
      this.c.free(at);
    }

    push(L, value) {
      const {c} = this;
      switch (typeof value) {
        case "string": return this.string(L, value);
        case "number": return c.lua_pushnumber(L, value);
        case "boolean": return c.lua_pushboolean(L, value ? 1 : 0);
        case "object":
          if (value instanceof Ref) {
            if (value.kind !== "python") return c.lua_rawgeti(L, REGISTRY, value.at);
            return this.wrap(L, value.at);
          }
      }
      c.lua_pushnil(L);
    }

    // An object of Python's by its number: always the same userdata, so that it is equal to itself.
    wrap(L, number) {
      const {c} = this;
      c.lua_rawgeti(L, REGISTRY, this.python);
      c.lua_rawgeti(L, -1, number + 1);
      if (c.lua_type(L, -1) === NIL) {
        c.lua_settop(L, -2);
        new Uint32Array(this.memory.buffer)[c.lua_newuserdata(L, 4) >> 2] = number;
        c.lua_pushvalue(L, -2);
        c.lua_setmetatable(L, -2);
        c.lua_pushvalue(L, -1);
        c.lua_rawseti(L, -3, number + 1);
      }
      c.lua_remove(L, -2);
    }

    metatable(fields) {
      const {c, L} = this;
      c.lua_createtable(L, 0, 4);
      for (const [name, call] of Object.entries(fields)) {
        this.string(L, name);
        if (call) c.lua_pushcclosure(L, call, 0);
        else c.lua_pushboolean(L, 0);
        c.lua_rawset(L, -3);
      }
      return c.luaL_ref(L, REGISTRY);
    }

    object(L, at) {
      return new Uint32Array(this.memory.buffer)[this.c.lua_touserdata(L, at) >> 2];
    }

    value(L, at) {
      const {c} = this, type = c.lua_type(L, at);
      switch (type) {
        case NUMBER: return c.lua_tonumber(L, at);
        case STRING: {
          const from = c.lua_tolstring(L, at, this.size);
          return this.text(from, new Uint32Array(this.memory.buffer)[this.size >> 2]);
        }
        case BOOLEAN: return c.lua_toboolean(L, at) !== 0;
        case NIL: case -1: return undefined;
        case USERDATA:
          if (this.ours(L, at)) return new Ref("python", this.object(L, at));
      }
      c.lua_pushvalue(L, at);
      const kind = {[TABLE]: "table", [FUNCTION]: "function", [THREAD]: "thread"}[type] ?? "userdata";
      return new Ref(kind, c.luaL_ref(L, REGISTRY));
    }

    ours(L, at) {
      const {c} = this;
      if (!c.lua_getmetatable(L, at)) return false;
      c.lua_rawgeti(L, REGISTRY, this.python);
      const same = c.lua_rawequal(L, -1, -2) !== 0;
      c.lua_settop(L, -3);
      return same;
    }

    values(L, from) {
      const found = [];
      for (let at = from, top = this.c.lua_gettop(L); at <= top; at++) found.push(this.value(L, at));
      return found;
    }

    // -- calls ------------------------------------------------------------------------------------------------------

    // Lua calls an object of Python's. What Python raises is an object, too, and raised in Lua; nothing else may
    // leave this function, for a frame of C's is below it.
    call(L) {
      const {c} = this, number = this.object(L, 1);
      const given = this.values(L, 2);
      const answer = this.called(number, ...given);
      c.lua_settop(L, 0);
      if (answer === undefined || typeof answer !== "object" || answer instanceof Ref) {
        this.push(L, answer);
        return 1;
      }
      if (answer[0] === false) return this.raise(L, answer);
      if (!c.lua_checkstack(L, answer.length)) return this.raise(L, [false, "stack overflow"]);
      for (let i = 1; i < answer.length; i++) this.push(L, answer[i]);
      return answer.length - 1;
    }

    raise(L, answer) {
      this.push(L, answer[1]);
      return this.c.lua_error(L);
    }

    // The results of a call of what is on the stack below its `n` arguments: [true, ...] or [false, error, status].
    run(n) {
      const {c, L} = this, base = c.lua_gettop(L) - n;
      const status = c.lua_pcall(L, n, MULTIPLE, 0);
      const found = this.values(L, base);
      c.lua_settop(L, base - 1);
      return status ? [false, found[0], status] : [true, ...found];
    }

    invoke(ref, ...given) {
      const {c, L} = this;
      if (!c.lua_checkstack(L, given.length + 8)) return [false, "stack overflow", 2];
      this.push(L, ref);
      for (const one of given) this.push(L, one);
      return this.run(given.length);
    }

    load(source, name) {
      const {c, L} = this, at = this.bytes(source), title = this.bytes(name);
      const status = at && title ? c.luaL_loadbuffer(L, at, source.length, title) : 4;
      if (at) c.free(at);
      if (title) c.free(title);
      if (!at || !title) return [false, "not enough memory", 4];
      const found = this.value(L, -1);
      c.lua_settop(L, -2);
      return status ? [false, found, status] : [true, found];
    }

    // -- tables -----------------------------------------------------------------------------------------------------

    table(items, ...pairs) {  // `items` values from 1 on, then pairs of a key and a value
      const {c, L} = this;
      c.lua_createtable(L, 0, 0);  // as lupa does: what `#` says of a table with holes depends on it
      for (let i = 0; i < items; i++) {
        this.push(L, pairs[i]);
        c.lua_rawseti(L, -2, i + 1);
      }
      for (let i = items; i < pairs.length; i += 2) {
        this.push(L, pairs[i]);
        this.push(L, pairs[i + 1]);
        c.lua_rawset(L, -3);
      }
      return new Ref("table", c.luaL_ref(L, REGISTRY));
    }

    get(ref, key) {
      const {c, L} = this;
      this.push(L, ref);
      this.push(L, key);
      c.lua_rawget(L, -2);
      const found = this.value(L, -1);
      c.lua_settop(L, -3);
      return found;
    }

    set(ref, key, value) {
      const {c, L} = this;
      this.push(L, ref);
      this.push(L, key);
      this.push(L, value);
      c.lua_rawset(L, -3);
      c.lua_settop(L, -2);
    }

    pairs(ref) {  // key, value, key, value …
      const {c, L} = this, found = [];
      this.push(L, ref);
      c.lua_pushnil(L);
      while (c.lua_next(L, -2)) {
        found.push(this.value(L, -2), this.value(L, -1));
        c.lua_settop(L, -2);
      }
      c.lua_settop(L, -2);
      return found;
    }

    length(ref) {
      const {c, L} = this;
      this.push(L, ref);
      const found = c.lua_objlen(L, -1);
      c.lua_settop(L, -2);
      return found;
    }

    drop(at) {
      this.c.luaL_unref(this.L, REGISTRY, at);
    }

    forget(number) {
      const {c, L} = this;
      c.lua_rawgeti(L, REGISTRY, this.python);
      c.lua_pushnil(L);
      c.lua_rawseti(L, -2, number + 1);
      c.lua_settop(L, -2);
    }

    globals() {
      const {c, L} = this;
      c.lua_pushvalue(L, -10002);
      return new Ref("table", c.luaL_ref(L, REGISTRY));
    }

    collect() {
      this.c.lua_gc(this.L, 2, 0);
    }
  }
  return {make: (...given) => new Lua(...given), python: (number) => new Ref("python", number)};
}
