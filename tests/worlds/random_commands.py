"""Random sequences of commands, from templates: capitals are themselves, the rest is drawn, brackets may be left out.

`a|b` is one of both. Keys are few, and their letter says their type, which a draw respects seven times of eight.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from .exchanges import Command

KEYS = ("s1", "s2", "h1", "z1", "z2", "l1", "l2", "t1", "t2", "x1", "n1")
DRAWN = {
    "val": ("a", "b", "10", "-3", "3.5", "0", "", "foo bar", "9223372036854775807", "1e3", "abc", "\xe9", "007", " 5"),
    "num": ("1", "-1", "2", "10", "0", "9223372036854775807", "abc", "1.5"),
    "at": ("0", "1", "2", "-1", "-2", "3", "5", "-10", "100"),
    "float": ("1", "1.5", "-2.25", "0.1", "3.0e2", "inf", "nan", "abc", "0.000001", "1e17", "-0.1", "1e300"),
    "mem": ("a", "b", "c", "d", "e", "10"),
    "score": ("1", "2", "3", "-1", "0", "1.5", "inf", "-inf", "(1", "(2", "10", "nanx", "1e2", "0.1"),
    "lex": ("-", "+", "[a", "(a", "[c", "(d", "a"),
    "sid": ("0", "0-1", "1-1", "2-1", "3-0", "5", "9-9", "-", "+", "(1-1", "abc", "1-"),
    "xid": ("1-1", "2-1", "2-2", "3-0", "5-1", "7-0", "9-9", "*0", "2-*", "3-*", "0-0"),
    "ttl": ("100000", "10000", "5000", "-1", "0", "abc"),
    "json": (
        '{"a":1,"b":[1,{"c":null}]}',
        "[]",
        "{}",
        '"x"',
        "1e2",
        '[1,"a",null,true]',
        "bad",
        "[1.25,-3]",
        "[1,",
        "01",
    ),
}

TEMPLATES = """
SET s val [NX|XX] [GET] [KEEPTTL] [EX ttl] [PX ttl]; SET s val; SET s val; GET key; GETSET s val; GETDEL s
GETEX s [EX ttl]; GETEX s PX ttl; GETEX s PERSIST; GETEX s EXAT 1; APPEND s val; STRLEN s; SETRANGE s at val
GETRANGE s at at; INCR n; DECR n; INCRBY n num; DECRBY n num; INCRBYFLOAT n float; INCRBYFLOAT s float; SETNX s val
SETEX s ttl val; PSETEX s ttl val; MSET s val n num; MSETNX s val key val; MGET key key NONE; BITCOUNT s [at at]
BITPOS s 0|1 [at at]; BITOP AND|OR|XOR|NOT s2 s [s]; LCS s s [LEN]; SETBIT s 0|7|15|-1 0|1|2; GETBIT s 0|7|100
EXPIRE key ttl [NX|XX|GT|LT]; PEXPIRE key 100000|0 [NX|XX|GT|LT]; EXPIREAT key 1|4102444800; PERSIST key; TTL key
PTTL key; EXPIRETIME key; TYPE key; EXISTS key key; DEL key; UNLINK key key; TOUCH key key; RENAME key key; DBSIZE
RENAMENX key key; COPY key key [REPLACE]; KEYS *|s?|[hz]*; OBJECT FREQ|REFCOUNT key; SORT l|t|z [ALPHA] [DESC]
HSET h mem val [mem val]; HSET h mem val mem; HSETNX h mem val; HGET h mem; HMGET h mem mem; HGETALL h; HDEL h mem
HINCRBY h mem num; HINCRBYFLOAT h mem float; HLEN h; HEXISTS h mem; HSTRLEN h mem; HRANDFIELD h 0; HMSET h mem val
SADD t mem [mem]; SREM t mem; SMEMBERS t; SISMEMBER t mem; SMISMEMBER t mem mem; SCARD t; SMOVE t t mem; SINTER t t
SUNION t t; SDIFF t t; SINTERSTORE t2 t t; SUNIONSTORE t1 t t; SDIFFSTORE t2 t t; SINTERCARD 2|1|0 t t [LIMIT at]
ZADD z [NX|XX] [GT|LT] [CH] [INCR] score mem [score mem]; ZADD z score mem; ZINCRBY z float mem; ZSCORE z mem; ZCARD z
ZMSCORE z mem mem; ZRANK z mem; ZREVRANK z mem; ZCOUNT z score score; ZRANGE z at at [REV] [WITHSCORES]
ZRANGE z score score BYSCORE [REV] [LIMIT at at] [WITHSCORES]; ZRANGE z lex lex BYLEX WITHSCORES; ZREVRANGE z at at
ZRANGE z lex lex BYLEX [REV] [LIMIT at at]
ZRANGEBYSCORE z score score [WITHSCORES] [LIMIT at at]; ZREVRANGEBYSCORE z score score; ZREM z mem
ZREMRANGEBYRANK z at at; ZREMRANGEBYSCORE z score score; ZPOPMIN z [at]; ZPOPMAX z [at]; ZINTERSTORE z1 2 z z
ZUNIONSTORE z2 2 z z [WEIGHTS 2 -1] [AGGREGATE MIN|MAX]; ZDIFF 2 z z [WITHSCORES]; ZUNION 2 z t; ZINTERCARD 2 z z
ZRANGESTORE z2 z 0 -1; ZMPOP 2 z z MIN|MAX [COUNT 2]; LPUSH l val [val]; RPUSH l val [val]; LPUSHX l val; LPOP l [at]
RPOP l [at]; LRANGE l at at; LLEN l; LINDEX l at; LSET l at val; LINSERT l BEFORE|AFTER val val; LREM l at val
LTRIM l at at; LMOVE l l LEFT|RIGHT LEFT|RIGHT; RPOPLPUSH l l; LPOS l val [RANK at] [COUNT at]
LMPOP 2 l l LEFT|RIGHT [COUNT 2]; XADD x [NOMKSTREAM] [MAXLEN 2] xid mem val; XADD x xid f v; XLEN x
XRANGE x sid sid [COUNT at]; XREVRANGE x sid sid; XDEL x xid; XTRIM x MAXLEN|MINID 1|2; XREAD COUNT 2 STREAMS x sid
XGROUP CREATE x g|g2 0|$|2-1 [MKSTREAM]; XGROUP CREATE x1 g 0 MKSTREAM; XGROUP DESTROY x g2; XGROUP SETID x g 0
XREADGROUP GROUP g|g2 c1|c2 [COUNT 1] [NOACK] STREAMS x >|>|0|2-1; XACK x g xid [xid]; XPENDING x g; XINFO STREAM x
XPENDING x g - + 10 [c1]; XCLAIM x g c2 0 xid [JUSTID]; XAUTOCLAIM x g c2 0 0 [JUSTID]; XINFO GROUPS x; XSETID x 9-9
XGROUP CREATECONSUMER x g c3; MULTI; MULTI; EXEC; EXEC; EXEC; DISCARD; WATCH key; UNWATCH; PING [hi]; NOSUCH a; GET
SELECT 0|99; SET s1; EVAL; EVAL; EVAL; EVAL; EVAL; EVAL; EVAL; EVAL; EVAL; EVAL
"""

UNUSUAL = """
SCAN 0|5|abc [MATCH s*] [COUNT 100|0|-1|x] [TYPE string|hash|zset|nonsense]; HSCAN h 0 [MATCH a*] [COUNT 100]
SSCAN t 0 COUNT 100; DUMP NONE; EXPIRE key num; PEXPIREAT key 99999999999999; EXPIREAT key num; PEXPIRE key num
EXPIRE key 9223372036854775807; EXPIRE key 100 NX XX; EXPIRE key 100 GT LT; SET s val EX 9223372036854775807
SET s val PX 9223372036854775807; SET s val EX 10 PX 10; SET s val NX XX; SET s val EXAT 4102444800
SET s val KEEPTTL EX 1; SET s val FOO; SET s val EX; SET s val NX GET; GETEX s EX 10 PERSIST; GETEX s FOO
MSET s val n; MSETNX s val s val; MGET; INCRBY n; INCRBY n 9223372036854775807; DECRBY n -9223372036854775808
DECRBY n 9223372036854775807; INCRBY s num; INCR s; INCR key; APPEND key val; STRLEN key; SETRANGE s 536870912 x
SETRANGE s 0 val; GETRANGE key 0 -1; SUBSTR s 0 1; SETBIT s 4294967296 1; GETBIT s -1; BITFIELD s GET u8 0
BITFIELD s SET u8 0 255 INCRBY u8 0 10; BITCOUNT s 0 1 BIT; BITPOS s 1 0 -1 BIT; LCS s s LEN IDX; HSET h; HSET h a
HMGET h; HGETALL key; HINCRBY h a 9223372036854775807; HINCRBYFLOAT h a inf; HRANDFIELD key 0; HKEYS h; HVALS h
HDEL h a b c d e 10; HSETNX h a; HSTRLEN key a; SPOP NONE; SRANDMEMBER t 0; SPOP t 0; SINTERCARD 2 t; SINTERCARD x t
SINTERCARD 1 t LIMIT -1; SMISMEMBER t; SDIFF t key; SUNION key key; SINTER key key; SUNIONSTORE s t t; SADD s a
ZADD z NX XX 1 a; ZADD z GT LT 1 a; ZADD z NX GT 1 a; ZADD z INCR 1 a 2 b; ZADD z 1; ZADD z; ZADD z XX CH 1 a
ZADD z NX INCR 1 a; ZADD z inf a -inf b; ZINCRBY z inf a; ZINCRBY z -inf a; ZADD z INCR inf a; ZRANGE z score score
ZRANGE z 0 -1 BYLEX; ZRANGE z -inf +inf BYSCORE LIMIT 0 2; ZRANGE z +inf -inf BYSCORE REV WITHSCORES
ZRANGEBYLEX z lex lex; ZREVRANGEBYLEX z lex lex [LIMIT 0 1]; ZLEXCOUNT z lex lex; ZREMRANGEBYLEX z lex lex
ZRANDMEMBER z 0; ZRANDMEMBER NONE; ZRANDMEMBER z 0 WITHSCORES; ZPOPMIN z 0; ZPOPMIN z -1; ZUNIONSTORE z1 0 z
ZUNIONSTORE z1 2 z; ZINTER 2 z z WITHSCORES; ZINTER 2 z t; ZUNION 2 z z AGGREGATE MAX WITHSCORES; ZDIFFSTORE z1 2 z z
ZDIFFSTORE t1 2 z z; ZMPOP 0 z MIN; ZMPOP 1 z FOO; ZMPOP 1 z MIN COUNT 0; ZRANK z a WITHSCORE
ZREVRANGE z 0 -1 WITHSCORES; ZCOUNT z (1 (2; ZCOUNT z; ZRANGEBYSCORE z 1 2 FOO
ZREVRANGEBYSCORE z score score WITHSCORES LIMIT 0 2; ZREMRANGEBYSCORE z (1 +inf; LPUSH l; LPUSH s a; LPOP l 0
LPOP l -1; LPOP l x; RPOP l 3; LPOP NONE 2; LSET l 99 a; LSET NONE 0 a; LINSERT NONE BEFORE a b; LPOS l a RANK 0
LPOS l a COUNT -1; LPOS l a RANK -1 COUNT 0 MAXLEN 2; LMPOP 0 l LEFT; LMPOP 1 l FOO; LMPOP 1 l LEFT COUNT 0
LMOVE l l UP LEFT; BLPOP l 0.01; BRPOP NONE 0.01; BLPOP l -1; BLPOP l abc; BLMOVE l l LEFT RIGHT 0.01
BRPOPLPUSH l l 0.01; BLMPOP 0.01 1 l LEFT; BZPOPMIN z 0.01; BZPOPMAX NONE 0.01; BZMPOP 0.01 1 z MIN; RPUSHX l a b
LRANGE l 0; LRANGE key 0 -1; LTRIM l 5 1; SORT l; SORT l LIMIT 0 2 DESC ALPHA; SORT l BY nosort GET #; SORT s
SORT l ALPHA STORE l2; SORT_RO l ALPHA; XADD x 1-1; XADD x 1-1 f; XADD x * f; XADD x MAXLEN ~ 2 xid f v
XADD x MAXLEN = 1 xid f v; XADD x MINID 2 xid f v; XADD x NOMKSTREAM xid f v; XADD x LIMIT 1 xid f v
XADD x MAXLEN -1 xid f v; XADD x 18446744073709551615-18446744073709551615 f v; XTRIM x MAXLEN = 0
XTRIM x MAXLEN ~ 1 LIMIT 1; XTRIM x FOO 1; XRANGE x - + COUNT 0; XRANGE x - + COUNT -1; XRANGE x (0 +; XRANGE x - (
XREVRANGE x + - COUNT 1; XREAD STREAMS x; XREAD STREAMS x 0 x 0; XREAD COUNT 0 STREAMS x 0; XREAD STREAMS x $
XREAD BLOCK 10 STREAMS x $; XREAD BLOCK -1 STREAMS x 0; XREAD STREAMS x >; XDEL x; XDEL x abc; XDEL x 1-1 2-1
XGROUP CREATE x g $ ENTRIESREAD 2; XGROUP CREATE NONE g 0; XGROUP CREATE x g abc; XGROUP FOO; XGROUP SETID NONE g 0
XGROUP SETID x none 0; XGROUP CREATECONSUMER x none c; XGROUP DELCONSUMER x g c1; XGROUP DELCONSUMER x g nobody
XGROUP DESTROY NONE g; XREADGROUP GROUP g c1 STREAMS x x1 > >; XREADGROUP GROUP g c1 STREAMS x $
XREADGROUP GROUP none c1 STREAMS x >; XREADGROUP GROUP g c1 NOACK STREAMS x >; XREADGROUP GROUP g c1 STREAMS x 0
XREADGROUP STREAMS x >; XACK x g abc; XACK x none 1-1; XACK x g 0; XPENDING x none; XPENDING x g - + 0
XPENDING x g IDLE 0 - + 10; XPENDING x g - + 10 nobody; XPENDING x g IDLE 100000 - + 10 c1; XPENDING x g (1-1 + 10
XPENDING x g - +; XCLAIM x g c2 0 1-1 2-1 [FORCE] [JUSTID]; XCLAIM x g c2 0 9-9 FORCE JUSTID; XCLAIM x g c2 100000 1-1
XCLAIM x none c 0 1-1; XCLAIM x g c2 0 1-1 RETRYCOUNT 5; XCLAIM x g c2 0 1-1 LASTID 5-0; XCLAIM x g c2 0 abc
XAUTOCLAIM x g c2 0 - COUNT 1; XAUTOCLAIM x g c2 0 0 COUNT 0; XAUTOCLAIM x none c2 0 0; XAUTOCLAIM x g c2 abc 0
XAUTOCLAIM x g c2 0 (1-1; XINFO CONSUMERS x none; XINFO STREAM NONE; XINFO GROUPS NONE; XINFO FOO; XLEN s
XSETID x 1-1; XSETID NONE 1-1; XSETID x 9-9 ENTRIESADDED 5 MAXDELETEDID 1-1; EXISTS; DEL; TYPE; KEYS; ECHO; ECHO a b
PING a b; SELECT abc; DBSIZE; FLUSHDB FOO; MOVE key 0; WATCH; EXEC; DISCARD; COMMAND COUNT FOO; CONFIG GET maxmemory
CONFIG GET; CLIENT GETNAME; CLIENT FOO; SCRIPT EXISTS abc; SCRIPT FOO; EVALSHA abc 0
EVALSHA ffffffffffffffffffffffffffffffffffffffff 0; EVAL x; EVAL x abc; EVAL x -1; EVAL x 5 a; FUNCTION LIST
FUNCTION FOO; FCALL f 0; PUBLISH ch hi; PUBLISH ch; SPUBLISH ch hi; PUBSUB NUMSUB ch; PUBSUB CHANNELS; PUBSUB FOO
OBJECT FOO key; RENAME NONE s; RENAMENX NONE s; TOUCH; PERSIST key; UNLINK; EXPIRETIME NONE; PEXPIRETIME key
INCRBYFLOAT s 1e5000; HINCRBY h a 0x10; ZADD z +1 a; LPOP l +1; SETEX s +10 a; SETEX s 010 a; INCRBY n +5; INCRBY n 05
GETRANGE s 00 1
"""
"""What somebody sends who mistypes: arguments that are none, options that exclude each other, other keys than meant."""

SCRIPTS = (
    "return cjson.encode({1,2,3})",
    "return cjson.encode(cjson.decode(ARGV[1]))",
    "return cjson.decode(ARGV[1])",
    "return cjson.encode({[1]=1,[3]=3})",
    "return cjson.encode(1/0)",
    "return 2^63",
    "return {1,'a',{3.5,{true}},nil,5}",
    "return redis.call('GET',KEYS[1])",
    "return redis.call('SET',KEYS[1],ARGV[1])",
    "return redis.pcall('INCR',KEYS[1])",
    "return redis.call('INCR',KEYS[1])",
    "return redis.call('HGETALL',KEYS[1])",
    "return redis.call('LRANGE',KEYS[1],0,-1)",
    "return redis.call('ZRANGE',KEYS[1],0,-1,'WITHSCORES')",
    "return redis.call('TYPE',KEYS[1]).ok",
    "return {KEYS[1],ARGV[1]}",
    "local r=redis.pcall('INCR',KEYS[1]) if type(r)=='table' and r.err then return 'caught: '..r.err end return r",
    "return redis.call('NOSUCH')",
    "return redis.call('SET',KEYS[1])",
    "return redis.call('SET',KEYS[1],true)",
    "local ok,e = pcall(redis.call,'LPUSH',KEYS[1],'x') return {tostring(ok), type(e), tostring(e)}",
    "redis.call('SET',KEYS[1],'x') error('stop')",
    "return redis.call('INCRBYFLOAT',KEYS[1],0.1)",
    "return redis.call('XADD',KEYS[1],'50-1','a','b')",
    "return redis.call('ZADD',KEYS[1],'INCR',1.5,'a')",
    "return redis.call('LPOP',KEYS[1],2)",
    "return redis.call('SETEX',KEYS[1],0,'x')",
    "return undefinedvar",
    "return bit.bxor(7,3)",
    "return cmsgpack.pack({1,2,KEYS[1]})",
    "return struct.pack('>I2s',258,ARGV[1])",
    "return redis.call('PEXPIRE',KEYS[1],1e6)",
    "return redis.call('SINTERCARD',1,KEYS[1])",
    "return redis.sha1hex(ARGV[1])",
    "return redis.call('XREADGROUP','GROUP','g','c','STREAMS',KEYS[1],'>')",
    "return tostring(0.1+0.2)",
)

PARTS = [line.strip() for line in re.split(r"[;\n]", TEMPLATES) if line.strip()]
ODD_PARTS = [part for part in [*PARTS, *re.split(r"[;\n] *", UNUSUAL.strip())] if "LEX" not in part]
"""Without ranges of texts, which are left open where scores differ, as they often do here."""


def sequence(chance: random.Random, length: int, parts: Sequence[str] = PARTS) -> list[Command]:
    """That many commands, from these templates; a MULTI is followed by an EXEC after three more at the latest."""
    commands: list[Command] = []
    open_for = 0
    while len(commands) < length:
        command = _filled(chance, chance.choice(parts))
        open_for = 4 if command[0] == "MULTI" else open_for - 1
        commands.append(("EXEC",) if open_for == 0 else command)
    return commands


def _filled(chance: random.Random, template: str) -> Command:
    if template == "EVAL":
        script = chance.choice(SCRIPTS)
        argument = chance.choice(DRAWN["json" if "decode(ARGV" in script else "val"])
        return chance.choice(("EVAL", "EVAL", "EVAL", "EVAL_RO")), script, "1", chance.choice(KEYS), argument
    kept = re.sub(r"(?<= )\[([^]]*)\](?![*])", lambda part: part[1] if chance.random() < 0.3 else "", template)
    return tuple(_drawn(chance, word) for word in kept.split())


def _drawn(chance: random.Random, word: str) -> str:
    word = chance.choice(word.split("|"))
    if word in DRAWN:
        return chance.choice(DRAWN[word])
    if word == "key" or (word in "shzltxn" and chance.random() < 1 / 8):
        return chance.choice(KEYS)
    return chance.choice([key for key in KEYS if key[0] == word]) if word in "shzltxn" else word
