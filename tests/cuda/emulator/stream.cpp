/* Streams, what they capture, graphs and events. */
#include "tests/cuda/emulator/driver.h"

#include <time.h>

struct CUgraph_st {
    std::shared_ptr<const driver_works> works;
};

struct CUgraphExec_st {
    std::shared_ptr<const driver_works> works;
};

struct event_state {
    bool recorded, done, captured;
    double when; /* ms */
    CUstream stream;
};

struct CUevent_st {
    unsigned flags;
    std::shared_ptr<event_state> state; /* of the last record; work in a queue holds its own */
};

static CUstream_st legacy;
static std::set<CUstream> streams;
static std::set<CUevent> events;
static std::set<CUgraph> graphs;
static std::set<CUgraphExec> execs;

/* NULL: s is no stream. */
static CUstream stream_of(CUstream s) {
    if (s == NULL || s == CU_STREAM_LEGACY || s == CU_STREAM_PER_THREAD) return &legacy;
    return streams.count(s) ? s : NULL;
}

static void finish(CUstream s) {
    while (!s->queue.empty()) {
        driver_work work = std::move(s->queue.front());
        s->queue.pop_front();
        work();
    }
}

void driver_finish_all() {
    finish(&legacy);
    for (CUstream s : streams) finish(s);
}

bool driver_capturing(CUstream s) {
    s = stream_of(s);
    return s && s->capturing;
}

static bool is_blocking(CUstream s) {
    return !(s->flags & CU_STREAM_NON_BLOCKING);
}

/* The default stream waits for all streams that do not say otherwise, and they for it. */
static CUresult meet_default_stream(CUstream s) {
    if (s != &legacy) {
        if (is_blocking(s)) finish(&legacy);
        return CUDA_SUCCESS;
    }
    for (CUstream other : streams) {
        if (!is_blocking(other)) continue;
        if (other->capturing) {
            other->invalid = true;
            return driver_refuse(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
                                 "work in the default stream while another one captures");
        }
        finish(other);
    }
    return CUDA_SUCCESS;
}

CUresult driver_enqueue(CUstream s, driver_work work) {
    s = stream_of(s);
    if (!s) return driver_refuse(CUDA_ERROR_INVALID_HANDLE, "work in what is no stream");
    if (s->capturing) {
        if (s->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        s->captured.push_back(std::move(work));
        return CUDA_SUCCESS;
    }
    CUresult r = meet_default_stream(s);
    if (r == CUDA_SUCCESS) s->queue.push_back(std::move(work));
    return r;
}

CUresult driver_ready_uncaptured(const char *what) {
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    for (CUstream s : streams) {
        bool mine = s->owner == std::this_thread::get_id();
        if (!s->capturing || s->mode == CU_STREAM_CAPTURE_MODE_RELAXED ||
            (s->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && !mine))
            continue;
        s->invalid = true;
        r = driver_refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "%s during a capture", what);
    }
    return r;
}

int driver_forget_streams() {
    int n = (int)(streams.size() + events.size() + graphs.size() + execs.size());
    for (CUstream s : streams) delete s;
    for (CUevent e : events) delete e;
    for (CUgraph g : graphs) delete g;
    for (CUgraphExec e : execs) delete e;
    streams.clear();
    events.clear();
    graphs.clear();
    execs.clear();
    return n;
}

CUresult CUDAAPI cuStreamCreate(CUstream *out, unsigned flags) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!out || flags & ~(unsigned)CU_STREAM_NON_BLOCKING) return CUDA_ERROR_INVALID_VALUE;
    *out = new CUstream_st();
    (*out)->flags = flags;
    streams.insert(*out);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuStreamDestroy(CUstream s) {
    driver_hold hold(driver_lock);
    if (!streams.count(s)) return CUDA_ERROR_INVALID_HANDLE;
    finish(s);
    streams.erase(s);
    delete s;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuStreamSynchronize(CUstream s) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    s = stream_of(s);
    if (!s) return CUDA_ERROR_INVALID_HANDLE;
    if (s->capturing) {
        s->invalid = true;
        return driver_refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
                             "waits for a stream it captures");
    }
    r = meet_default_stream(s);
    finish(s);
    return r;
}

CUresult CUDAAPI cuStreamBeginCapture(CUstream s, CUstreamCaptureMode mode) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    s = stream_of(s);
    if (!s) return CUDA_ERROR_INVALID_HANDLE;
    if (s == &legacy) return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    if (s->capturing) return CUDA_ERROR_ILLEGAL_STATE;
    s->capturing = true;
    s->invalid = false;
    s->mode = mode;
    s->owner = std::this_thread::get_id();
    s->captured.clear();
    return CUDA_SUCCESS;
}

/* For libraries that are made up (fake_cudnn.cpp): what they compute takes its turn. */
CUresult CUDAAPI cuLaunchHostFunc(CUstream s, CUhostFn fn, void *data) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    s = stream_of(s);
    if (!s || !fn) return CUDA_ERROR_INVALID_VALUE;
    return driver_enqueue(s, [fn, data] { fn(data); });
}

CUresult CUDAAPI cuStreamEndCapture(CUstream s, CUgraph *out) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    s = stream_of(s);
    if (!s || !out) return CUDA_ERROR_INVALID_VALUE;
    *out = NULL;
    if (!s->capturing) return CUDA_ERROR_ILLEGAL_STATE;
    if (s->mode != CU_STREAM_CAPTURE_MODE_RELAXED && s->owner != std::this_thread::get_id())
        return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
    s->capturing = false;
    if (s->invalid) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
    *out = new CUgraph_st();
    (*out)->works = std::make_shared<const driver_works>(std::move(s->captured));
    s->captured.clear();
    graphs.insert(*out);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGraphInstantiateWithFlags(CUgraphExec *out, CUgraph g,
                                             unsigned long long flags) {
    driver_hold hold(driver_lock);
    (void)flags;
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!out || !graphs.count(g)) return CUDA_ERROR_INVALID_VALUE;
    *out = new CUgraphExec_st();
    (*out)->works = g->works;
    execs.insert(*out);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGraphLaunch(CUgraphExec e, CUstream s) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!execs.count(e)) return CUDA_ERROR_INVALID_VALUE;
    std::shared_ptr<const driver_works> works = e->works;
    return driver_enqueue(s, [works] {
        for (const driver_work &work : *works) work();
    });
}

CUresult CUDAAPI cuGraphExecDestroy(CUgraphExec e) {
    driver_hold hold(driver_lock);
    if (!execs.erase(e)) return CUDA_ERROR_INVALID_VALUE;
    delete e;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGraphDestroy(CUgraph g) {
    driver_hold hold(driver_lock);
    if (!graphs.erase(g)) return CUDA_ERROR_INVALID_VALUE;
    delete g;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventCreate(CUevent *out, unsigned flags) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    *out = new CUevent_st();
    (*out)->flags = flags;
    (*out)->state = std::make_shared<event_state>();
    events.insert(*out);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventDestroy(CUevent e) {
    driver_hold hold(driver_lock);
    if (!events.erase(e)) return CUDA_ERROR_INVALID_HANDLE;
    delete e;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventRecord(CUevent e, CUstream s) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    s = stream_of(s);
    if (!s || !events.count(e)) return CUDA_ERROR_INVALID_HANDLE;
    e->state = std::make_shared<event_state>();
    e->state->recorded = true;
    e->state->captured = s->capturing;
    e->state->stream = s;
    if (s->capturing) return s->invalid ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : CUDA_SUCCESS;
    std::shared_ptr<event_state> state = e->state;
    return driver_enqueue(s, [state] {
        /* of the processor, not of the wall: other processes make nothing slower */
        struct timespec now;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        state->when = (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6 + driver_delay_ms;
        state->done = true;
    });
}

CUresult CUDAAPI cuEventSynchronize(CUevent e) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!events.count(e)) return CUDA_ERROR_INVALID_HANDLE;
    if (e->state->captured) return CUDA_ERROR_CAPTURED_EVENT;
    std::shared_ptr<event_state> state = e->state;
    while (state->recorded && !state->done && !state->stream->queue.empty()) {
        driver_work work = std::move(state->stream->queue.front());
        state->stream->queue.pop_front();
        work();
    }
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuEventElapsedTime(float *ms, CUevent start, CUevent end) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!ms) return CUDA_ERROR_INVALID_VALUE;
    for (CUevent e : {start, end}) {
        if (!events.count(e) || e->flags & CU_EVENT_DISABLE_TIMING || !e->state->recorded)
            return CUDA_ERROR_INVALID_HANDLE;
        if (e->state->captured) return CUDA_ERROR_CAPTURED_EVENT;
        if (!e->state->done) return CUDA_ERROR_NOT_READY;
    }
    *ms = (float)(end->state->when - start->state->when);
    return CUDA_SUCCESS;
}
