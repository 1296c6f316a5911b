/*
 * open_streams.h - the streams that are open, so that a server that ends can end them: an idle one
 * would hold it up until its client thinks of something to say.
 */
#ifndef MIEN_GRPC_MODULE_OPEN_STREAMS_H
#define MIEN_GRPC_MODULE_OPEN_STREAMS_H

#include <mutex>
#include <set>

/* A stream that can be told to end: it answers what it has been sent, and takes no more. */
class Endable {
  public:
    virtual void end_soon() = 0;

  protected:
    ~Endable() = default;
};

class OpenStreams {
  public:
    /* Where all are being ended, so is this one, by and by: it is told at once. */
    void add(Endable *stream) {
        std::lock_guard<std::mutex> hold(lock_);
        open_.insert(stream);
        if (is_ending_) stream->end_soon();
    }

    void remove(Endable *stream) {
        std::lock_guard<std::mutex> hold(lock_);
        open_.erase(stream);
    }

    void end_all() {
        std::lock_guard<std::mutex> hold(lock_);
        is_ending_ = true;
        for (Endable *stream : open_) stream->end_soon();
    }

  private:
    std::mutex lock_;
    std::set<Endable *> open_;
    bool is_ending_ = false;
};

#endif
