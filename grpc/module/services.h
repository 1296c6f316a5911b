/*
 * services.h - the services of the module: a file each, and a row of services.cpp.
 *
 * To add one: its .proto below proto/ (CMake finds it), a file here with a class derived from
 * CallbackService of the generated header, a maker, and a row in services.cpp; then the program
 * that offers it names it in grpc_options.services. A method makes an Ask, and unary() or a Stream
 * (ask.h, stream.h) takes it from there; what the ask means is the program's (module.h). Methods
 * return at once: they run on gRPC's few threads.
 */
#ifndef MIEN_GRPC_MODULE_SERVICES_H
#define MIEN_GRPC_MODULE_SERVICES_H

#include "grpc/module/shared.h"

#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/service_type.h>
#include <memory>

struct ServiceRow {
    const char *name;      /* in grpc_options.services */
    const char *full_name; /* of the protocol, for the health service */
    std::unique_ptr<grpc::Service> (*make)(Shared *shared);
};

std::unique_ptr<grpc::Service> make_kserve(Shared *shared);
std::unique_ptr<grpc::Service> make_mien(Shared *shared);
std::unique_ptr<grpc::Service> make_landmark_detection(Shared *shared);
std::unique_ptr<grpc::Service> make_age_gender(Shared *shared);
std::unique_ptr<grpc::Service> make_aggregator(Shared *shared);

/* The row of that name; NULL: there is none. */
const ServiceRow *find_service(const char *name);

#endif
