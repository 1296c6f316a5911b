/*
 * driver.h - what the files that emulate libcuda.so.1 share: one lock, streams as queues, and the
 * complaints about what a real driver would only answer with a number.
 *
 * Nothing is done when it is asked for. Work waits in its stream until somebody waits for the
 * stream, which is as late as a GPU may be: a result read too early is still 0xFF.
 */
#ifndef MIEN_TESTS_CUDA_EMULATED_DRIVER_H
#define MIEN_TESTS_CUDA_EMULATED_DRIVER_H

#pragma GCC visibility push(default)
#include <cuda.h>
#pragma GCC visibility pop

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

typedef std::function<void()> driver_work;
typedef std::vector<driver_work> driver_works;

struct CUstream_st {
    std::deque<driver_work> queue;
    unsigned flags;
    bool capturing, invalid; /* invalid: the capture met a call that cannot be in one */
    CUstreamCaptureMode mode;
    std::thread::id owner; /* of the capture */
    driver_works captured;
};

typedef std::lock_guard<std::recursive_mutex> driver_hold;
extern std::recursive_mutex driver_lock;
/* What kernels that were to be slow have added to the clock of events, under the lock. */
extern double driver_delay_ms;

/* Says on stderr why the answer is r. */
CUresult driver_refuse(CUresult r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* CUDA_SUCCESS where cuInit() was called and this thread has a context. */
CUresult driver_ready();
/* As driver_ready(), for calls no capture allows; they spoil those that forbid them. */
CUresult driver_ready_uncaptured(const char *what);

/* Appends work to a stream, or to what it captures. */
CUresult driver_enqueue(CUstream s, driver_work work);
bool driver_capturing(CUstream s);
/* Does all the work of all streams. */
void driver_finish_all();
/* Does away with streams, events and graphs; how many there were. */
int driver_forget_streams();

#endif
