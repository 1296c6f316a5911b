/*
 * stream.h - a call of many messages: an answer for each, in their order.
 *
 * So many of its messages are worked on at once as the program has workers
 * (grpc_options.in_flight); a client that sends more is not read until one is answered, which
 * gRPC's flow control tells it.
 */
#ifndef MIEN_GRPC_MODULE_STREAM_H
#define MIEN_GRPC_MODULE_STREAM_H

#include "grpc/module/ask.h"

#include <deque>
#include <memory>

template <class Request, class Response>
class Stream final : public grpc::ServerBidiReactor<Request, Response>, public Endable {
  public:
    /* What a stream does with a message. */
    struct Steps {
        /* The ask it becomes; NULL with a sentence where it is wrong. It stays until that was
         * begun.
         */
        std::unique_ptr<Ask> (*ask)(grpc::CallbackServerContext *context, const Request &message,
                                    std::string *fault);
        /* Frees what of it is large, and copied by then. */
        void (*shrink)(Request *message);
        /* Writes the answer, error or not. */
        void (*answer)(const grpc_answer *answer, const Request &message, Response *out);
    };

    Stream(Shared *shared, grpc::CallbackServerContext *context, const Steps &steps)
        : shared_(shared), context_(context), steps_(steps) {
        shared_->open_calls++;
        shared_->streams.add(this);
        std::unique_lock<std::mutex> hold(lock_);
        go_on();
    }

    void OnReadDone(bool ok) override {
        std::unique_lock<std::mutex> hold(lock_);
        is_reading_ = false;
        if (!ok) {
            has_all_ = true;
        } else {
            begin_next(hold);
        }
        go_on();
    }

    void OnWriteDone(bool ok) override {
        std::unique_lock<std::mutex> hold(lock_);
        is_writing_ = false;
        items_.pop_front();
        if (!ok) give_up();
        go_on();
    }

    void OnCancel() override {
        std::unique_lock<std::mutex> hold(lock_);
        give_up();
        go_on();
    }

    /* Whoever has called Finish() may still hold the lock. */
    void OnDone() override {
        shared_->streams.remove(this);
        { std::lock_guard<std::mutex> hold(lock_); }
        items_.clear(); /* what they hold is the host's */
        shared_->open_calls--;
        delete this;
    }

    void end_soon() override {
        std::unique_lock<std::mutex> hold(lock_);
        is_ending_ = true;
        go_on();
    }

  private:
    /* A message and its answer. */
    struct Item {
        Stream *stream;
        Request message;
        Response response;
        grpc_call *call = nullptr;
        bool is_begun = false; /* begin() has returned */
        bool is_answered = false;

        ~Item() {
            if (call) stream->shared_->host.release(call);
        }
    };

    /* Without the lock while the program is asked, which may answer at once. */
    void begin_next(std::unique_lock<std::mutex> &hold) {
        Item *item = new Item;
        item->stream = this;
        item->message.Swap(&incoming_);
        items_.emplace_back(item);
        open_++;
        hold.unlock();
        std::string fault = "the server is out of memory";
        std::unique_ptr<Ask> ask = steps_.ask(context_, item->message, &fault);
        grpc_call *call = nullptr;
        int failed = !ask || ask->begin(shared_->host, done, item, &call);
        if (failed) refuse(item, ask ? 503 : 400, fault);
        steps_.shrink(&item->message);
        hold.lock();
        item->call = call;
        item->is_begun = true;
        if (call && is_given_up_) shared_->host.cancel(call);
    }

    /* As if the program had answered so. */
    static void refuse(Item *item, int status, const std::string &why) {
        grpc_answer out = {};

        out.status = status;
        out.code = status == 400 ? "bad_request" : "overloaded";
        out.message = why.c_str();
        done(item, &out);
    }

    static void done(void *owner, const grpc_answer *answer) {
        Item *item = static_cast<Item *>(owner);
        Stream *self = item->stream;

        self->steps_.answer(answer, item->message, &item->response); /* of this item alone */
        std::unique_lock<std::mutex> hold(self->lock_);
        item->is_answered = true;
        self->open_--;
        self->go_on();
    }

    /* With the lock: nobody wants what is worked on. */
    void give_up() {
        is_given_up_ = true;
        for (auto &item : items_)
            if (item->call && !item->is_answered) shared_->host.cancel(item->call);
    }

    /* With the lock: starts what can be started. Nothing of the stream is touched behind Finish().
     */
    void go_on() {
        bool reads = !has_all_ && !is_ending_ && !is_given_up_;

        if (is_finished_) return;
        if (reads && !is_reading_ && static_cast<int>(items_.size()) < shared_->in_flight) {
            is_reading_ = true;
            this->StartRead(&incoming_);
        }
        if (!is_writing_ && !is_given_up_ && !items_.empty() && items_.front()->is_answered &&
            items_.front()->is_begun) {
            is_writing_ = true;
            this->StartWrite(&items_.front()->response);
        }
        if (reads || is_writing_ || open_ > 0 || (!is_given_up_ && !items_.empty())) return;
        for (auto &item : items_)
            if (!item->is_begun) return;
        is_finished_ = true;
        this->Finish(is_given_up_ ? grpc::Status::CANCELLED
                     : has_all_   ? grpc::Status::OK
                                  : grpc::Status(grpc::StatusCode::UNAVAILABLE,
                                                 "the server is shutting down"));
    }

    Shared *shared_;
    grpc::CallbackServerContext *context_;
    Steps steps_;
    std::mutex lock_;
    Request incoming_;
    std::deque<std::unique_ptr<Item>> items_; /* in order of arrival */
    int open_ = 0;                            /* items that are not answered */
    bool is_reading_ = false, is_writing_ = false;
    bool has_all_ = false; /* the client sends no more */
    bool is_ending_ = false, is_given_up_ = false, is_finished_ = false;
};

#endif
