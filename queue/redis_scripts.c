#include "queue/redis_scripts.h"

/* P, and a job's change of state. Redis hands numbers over as text. */
#define HEAD                                                                                       \
    "local P = KEYS[1]\n"                                                                          \
    "local function K(k) return P .. k end\n"                                                      \
    "local function J(id) return P .. 'job:' .. id end\n"                                          \
    "local function move(id, from, to)\n"                                                          \
    "  redis.call('HINCRBY', K('counts'), from, -1)\n"                                             \
    "  redis.call('HINCRBY', K('counts'), to, 1)\n"                                                \
    "  redis.call('HSET', J(id), 'state', to)\n"                                                   \
    "end\n"                                                                                        \
    "local function unqueue(id)\n"                                                                 \
    "  local f = redis.call('HMGET', J(id), 'priority', 'entry')\n"                                \
    "  if f[2] then\n"                                                                             \
    "    redis.call('XACK', K(f[1]), 'workers', f[2])\n"                                           \
    "    redis.call('XDEL', K(f[1]), f[2])\n"                                                      \
    "    redis.call('HDEL', J(id), 'entry')\n"                                                     \
    "  end\n"                                                                                      \
    "end\n"                                                                                        \
    "local function enqueue(id)\n"                                                                 \
    "  local p = redis.call('HGET', J(id), 'priority')\n"                                          \
    "  redis.call('HSET', J(id), 'entry', redis.call('XADD', K(p), '*', 'job', id))\n"             \
    "end\n"                                                                                        \
    "local function undead(id)\n"                                                                  \
    "  local e = redis.call('HGET', J(id), 'dead_entry')\n"                                        \
    "  if e then redis.call('XDEL', K('dead'), e); redis.call('HDEL', J(id), 'dead_entry') end\n"  \
    "end\n"

/* ARGV: version */
static const char INIT[] =
    HEAD "local v = redis.call('GET', K('version'))\n"
         "if v and tonumber(v) > tonumber(ARGV[1]) then return {'NEWER', v} end\n"
         "redis.call('SET', K('version'), ARGV[1])\n"
         "for _, p in ipairs({'high', 'normal', 'low'}) do\n"
         "  redis.pcall('XGROUP', 'CREATE', K(p), 'workers', '0', 'MKSTREAM')\n"
         "end\n"
         "return {'OK'}\n";

/* ARGV: now, room, then of each job id, priority, file, 1 or 0 with bytes, bytes, options, trace,
 * owner, callback; texts "" where there is none. */
static const char SUBMIT[] =
    HEAD "local n = (#ARGV - 2) / 9\n"
         "local queued = tonumber(redis.call('HGET', K('counts'), 'queued') or '0')\n"
         "if queued + n > tonumber(ARGV[2]) then return {'FULL', tostring(queued)} end\n"
         "local names = {'file', '', '', 'options', 'trace', 'owner', 'callback'}\n"
         "for i = 3, #ARGV, 9 do\n"
         "  local id = ARGV[i]\n"
         "  if redis.call('EXISTS', J(id)) == 0 then\n"
         "    redis.call('HSET', J(id), 'state', 'queued', 'priority', ARGV[i + 1], 'tries', 0,\n"
         "               'created', ARGV[1])\n"
         "    for k, name in ipairs(names) do\n"
         "      local v = ARGV[i + 1 + k]\n"
         "      if name ~= '' and v ~= '' then redis.call('HSET', J(id), name, v) end\n"
         "    end\n"
         "    if ARGV[i + 3] == '1' then redis.call('HSET', J(id), 'bytes', ARGV[i + 4]) end\n"
         "    redis.call('HINCRBY', K('counts'), 'queued', 1)\n"
         "    redis.call('ZADD', K('jobs'), 0, id)\n"
         "    enqueue(id)\n"
         "  end\n"
         "end\n"
         "return {'OK'}\n";

/* ARGV: now, worker, most, lease, tries. Jobs of dead workers are looked for ten times a lease, and
 * at once again where one was found; such a job is taken alone. */
static const char CLAIM[] = HEAD
    "local now, worker, most, lease, tries = ARGV[1], ARGV[2], tonumber(ARGV[3]),\n"
    "  tonumber(ARGV[4]), tonumber(ARGV[5])\n"
    "local out = {}\n"
    "local function give(p, entry, id)\n"
    "  local f = redis.call('HMGET', J(id), 'state', 'tries', 'entry')\n"
    "  if (f[1] ~= 'queued' and f[1] ~= 'running') or f[3] ~= entry then\n"
    "    redis.call('XACK', K(p), 'workers', entry)\n"
    "    redis.call('XDEL', K(p), entry)\n"
    "    return\n"
    "  end\n"
    "  if tonumber(f[2]) >= tries then\n"
    "    unqueue(id)\n"
    "    move(id, f[1], 'dead')\n"
    "    redis.call('HSET', J(id), 'finished', now, 'dead_entry',\n"
    "               redis.call('XADD', K('dead'), '*', 'job', id))\n"
    "    redis.call('HDEL', J(id), 'lease')\n"
    "    redis.call('ZADD', K('finished'), now, id)\n"
    "    return\n"
    "  end\n"
    "  redis.call('HINCRBY', J(id), 'tries', 1)\n"
    "  redis.call('HSET', J(id), 'worker', worker, 'started', now, 'lease',\n"
    "             string.format('%d', tonumber(now) + lease))\n"
    "  if f[1] ~= 'running' then move(id, f[1], 'running') end\n"
    "  out[#out + 1] = {id, redis.call('HGETALL', J(id))}\n"
    "end\n"
    "local order = {'high', 'normal', 'low'}\n"
    "if redis.call('SET', K('sweep'), worker, 'NX', 'PX', math.max(1, math.floor(lease / 10)))\n"
    "then\n"
    "  for _, p in ipairs(order) do\n"
    "    while #out == 0 do\n"
    "      local idle = redis.call('XPENDING', K(p), 'workers', 'IDLE', lease, '-', '+', 1)\n"
    "      if not idle[1] then break end\n"
    "      redis.call('DEL', K('sweep'))\n"
    "      local got = redis.call('XCLAIM', K(p), 'workers', worker, lease, idle[1][1])\n"
    "      if got[1] and got[1][2] then give(p, got[1][1], got[1][2][2])\n"
    "      else redis.call('XACK', K(p), 'workers', idle[1][1]) end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "if #out > 0 then return out end\n"
    "for _, p in ipairs(order) do\n"
    "  while #out < most do\n"
    "    local got = redis.call('XREADGROUP', 'GROUP', 'workers', worker, 'COUNT',\n"
    "                           most - #out, 'STREAMS', K(p), '>')\n"
    "    if not got then break end\n"
    "    for _, e in ipairs(got[1][2]) do give(p, e[1], e[2][2]) end\n"
    "  end\n"
    "end\n"
    "return out\n";

/* ARGV: now, worker, lease, ids. */
static const char RENEW[] =
    HEAD "for i = 4, #ARGV do\n"
         "  local f = redis.call('HMGET', J(ARGV[i]), 'state', 'worker', 'priority', 'entry')\n"
         "  if f[1] == 'running' and f[2] == ARGV[2] and f[4] then\n"
         "    redis.call('XCLAIM', K(f[3]), 'workers', ARGV[2], 0, f[4], 'JUSTID')\n"
         "    redis.call('HSET', J(ARGV[i]), 'lease',\n"
         "               string.format('%d', tonumber(ARGV[1]) + tonumber(ARGV[3])))\n"
         "  end\n"
         "end\n"
         "return {'OK'}\n";

/* ARGV: worker, ids. */
static const char RELEASE[] = HEAD "for i = 2, #ARGV do\n"
                                   "  local id = ARGV[i]\n"
                                   "  local f = redis.call('HMGET', J(id), 'state', 'worker')\n"
                                   "  if f[1] == 'running' and f[2] == ARGV[1] then\n"
                                   "    unqueue(id)\n"
                                   "    enqueue(id)\n"
                                   "    redis.call('HINCRBY', J(id), 'tries', -1)\n"
                                   "    redis.call('HDEL', J(id), 'lease')\n"
                                   "    move(id, 'running', 'queued')\n"
                                   "  end\n"
                                   "end\n"
                                   "return {'OK'}\n";

/* ARGV: now, worker, then of each id, its state, its result ("": kept elsewhere). */
static const char END[] = HEAD
    "local out = {}\n"
    "for i = 3, #ARGV, 3 do\n"
    "  local id, to, result = ARGV[i], ARGV[i + 1], ARGV[i + 2]\n"
    "  local from = redis.call('HGET', J(id), 'state')\n"
    "  if from == 'running' or from == 'queued' or from == 'dead' then\n"
    "    unqueue(id)\n"
    "    undead(id)\n"
    "    move(id, from, to)\n"
    "    redis.call('HSET', J(id), 'finished', ARGV[1], 'worker', ARGV[2])\n"
    "    redis.call('HDEL', J(id), 'lease')\n"
    "    if to == 'done' then redis.call('HDEL', J(id), 'bytes') end\n"
    "    if result ~= '' then\n"
    "      redis.call('HSET', J(id), 'result_entry', redis.call('XADD', K('results'), '*',\n"
    "                 'job', id, 'state', to, 'file', redis.call('HGET', J(id), 'file') or '',\n"
    "                 'result', result))\n"
    "    end\n"
    "    redis.call('ZADD', K('finished'), ARGV[1], id)\n"
    "    out[#out + 1] = 1\n"
    "  else\n"
    "    out[#out + 1] = 0\n"
    "  end\n"
    "end\n"
    "return out\n";

/* All fields of a job but its bytes, and its result where there is one. */
#define SHOW                                                                                       \
    "local function show(id, with)\n"                                                              \
    "  local all, kept, entry = redis.call('HGETALL', J(id)), {}, nil\n"                           \
    "  for i = 1, #all, 2 do\n"                                                                    \
    "    if all[i] == 'result_entry' then entry = all[i + 1]\n"                                    \
    "    elseif all[i] ~= 'bytes' then kept[#kept + 1] = all[i]; kept[#kept + 1] = all[i + 1] "    \
    "end\n"                                                                                        \
    "  end\n"                                                                                      \
    "  if entry and with then\n"                                                                   \
    "    local e = redis.call('XRANGE', K('results'), entry, entry)[1]\n"                          \
    "    if e then for i = 1, #e[2], 2 do if e[2][i] == 'result' then\n"                           \
    "      kept[#kept + 1] = 'result'; kept[#kept + 1] = e[2][i + 1] end end end\n"                \
    "  end\n"                                                                                      \
    "  return {id, kept}\n"                                                                        \
    "end\n"

/* ARGV: id. */
static const char GET[] = HEAD SHOW "if redis.call('EXISTS', J(ARGV[1])) == 0 then return {} end\n"
                                    "return {show(ARGV[1], true)}\n";

/* ARGV: after, limit, state or "", 1 with results. Gives how far it looked, "" at the end, and the
 * jobs. */
static const char LIST[] = HEAD SHOW
    "local from, out, limit = ARGV[1], {}, tonumber(ARGV[2])\n"
    "local ids = redis.call('ZRANGEBYLEX', K('jobs'), from == '' and '-' or '(' .. from,\n"
    "                       '+', 'LIMIT', 0, 1000)\n"
    "local last = #ids == 1000 and ids[#ids] or ''\n"
    "for _, id in ipairs(ids) do\n"
    "  if ARGV[3] == '' or redis.call('HGET', J(id), 'state') == ARGV[3] then\n"
    "    out[#out + 1] = show(id, ARGV[4] == '1')\n"
    "    if #out == limit then last = ''; break end\n"
    "  end\n"
    "end\n"
    "return {last, out}\n";

/* ARGV: now, id. */
static const char CANCEL[] =
    HEAD "local from = redis.call('HGET', J(ARGV[2]), 'state')\n"
         "if not from then return {'NONE'} end\n"
         "if from ~= 'queued' and from ~= 'running' then return {'STATE', from} end\n"
         "unqueue(ARGV[2])\n"
         "move(ARGV[2], from, 'cancelled')\n"
         "redis.call('HSET', J(ARGV[2]), 'finished', ARGV[1])\n"
         "redis.call('HDEL', J(ARGV[2]), 'lease')\n"
         "redis.call('ZADD', K('finished'), ARGV[1], ARGV[2])\n"
         "return {'OK'}\n";

/* ARGV: id. */
static const char RETRY[] =
    HEAD "local id = ARGV[1]\n"
         "local from = redis.call('HGET', J(id), 'state')\n"
         "if not from then return {'NONE'} end\n"
         "if from ~= 'failed' and from ~= 'cancelled' and from ~= 'dead' then\n"
         "  return {'STATE', from}\n"
         "end\n"
         "local e = redis.call('HGET', J(id), 'result_entry')\n"
         "if e then redis.call('XDEL', K('results'), e) end\n"
         "undead(id)\n"
         "redis.call('HDEL', J(id), 'result_entry', 'finished', 'started', 'lease', 'worker')\n"
         "redis.call('HSET', J(id), 'tries', 0)\n"
         "redis.call('ZREM', K('finished'), id)\n"
         "move(id, from, 'queued')\n"
         "enqueue(id)\n"
         "return {'OK'}\n";

/* ARGV: before, most. */
static const char PURGE[] =
    HEAD "local ids = redis.call('ZRANGEBYSCORE', K('finished'), '-inf', '(' .. ARGV[1], 'LIMIT',\n"
         "                       0, ARGV[2])\n"
         "for _, id in ipairs(ids) do\n"
         "  local f = redis.call('HMGET', J(id), 'state', 'result_entry')\n"
         "  if f[2] then redis.call('XDEL', K('results'), f[2]) end\n"
         "  undead(id)\n"
         "  if f[1] then redis.call('HINCRBY', K('counts'), f[1], -1) end\n"
         "  redis.call('DEL', J(id))\n"
         "  redis.call('ZREM', K('jobs'), id)\n"
         "  redis.call('ZREM', K('finished'), id)\n"
         "end\n"
         "return {#ids}\n";

/* ARGV: worker, which ends. It stays where jobs are pending for it. */
static const char FORGET_WORKER[] =
    HEAD "for _, p in ipairs({'high', 'normal', 'low'}) do\n"
         "  local mine = redis.call('XPENDING', K(p), 'workers', '-', '+', 1, ARGV[1])\n"
         "  if not mine[1] then redis.call('XGROUP', 'DELCONSUMER', K(p), 'workers', ARGV[1]) end\n"
         "end\n"
         "return {'OK'}\n";

const char *const REDIS_SCRIPT[REDIS_SCRIPTS] = {
    [REDIS_INIT] = INIT,   [REDIS_SUBMIT] = SUBMIT,   [REDIS_CLAIM] = CLAIM,
    [REDIS_RENEW] = RENEW, [REDIS_RELEASE] = RELEASE, [REDIS_END] = END,
    [REDIS_GET] = GET,     [REDIS_LIST] = LIST,       [REDIS_CANCEL] = CANCEL,
    [REDIS_RETRY] = RETRY, [REDIS_PURGE] = PURGE,     [REDIS_FORGET_WORKER] = FORGET_WORKER,
};
