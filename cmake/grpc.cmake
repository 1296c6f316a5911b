# libmien-grpc.so, which `mien serve --grpc-port` opens (grpc/module.h): the one thing here in C++.
# Optional: where a compiler, gRPC or protoc is missing, everything else is built all the same, and
# the tool says what it lacks when it is asked for gRPC. Each .proto below proto/ is compiled; each
# file of grpc/module/ is a part of the module.
option(MIEN_GRPC "Build the gRPC module where gRPC and protoc are installed" ON)

set(mien_grpc_lacks "")
if(MIEN_GRPC AND NOT MIEN_FUZZ)
    include(CheckLanguage)
    check_language(CXX)
    find_program(MIEN_PROTOC protoc)
    find_program(MIEN_PROTOC_GRPC grpc_cpp_plugin)
    pkg_check_modules(grpcpp QUIET IMPORTED_TARGET GLOBAL grpc++)
    pkg_check_modules(protobuf QUIET IMPORTED_TARGET GLOBAL protobuf)
    find_library(MIEN_GRPC_REFLECTION grpc++_reflection)
    foreach(needed CMAKE_CXX_COMPILER MIEN_PROTOC MIEN_PROTOC_GRPC grpcpp_FOUND protobuf_FOUND
                   MIEN_GRPC_REFLECTION)
        if(NOT ${needed})
            list(APPEND mien_grpc_lacks ${needed})
        endif()
    endforeach()
    if(mien_grpc_lacks)
        message(STATUS "gRPC: not found (${mien_grpc_lacks}), libmien-grpc.so is left out "
                       "(apt-get install g++ libgrpc++-dev protobuf-compiler-grpc)")
    endif()
endif()
if(NOT MIEN_GRPC OR MIEN_FUZZ OR mien_grpc_lacks)
    return()
endif()

enable_language(CXX)
set(proto_dir ${PROJECT_SOURCE_DIR}/proto)
set(generated_dir ${PROJECT_BINARY_DIR}/proto)
file(GLOB_RECURSE protos CONFIGURE_DEPENDS ${proto_dir}/*.proto)
foreach(proto IN LISTS protos)
    get_filename_component(folder ${proto} DIRECTORY)
    get_filename_component(name ${proto} NAME_WE)
    file(RELATIVE_PATH folder ${proto_dir} ${folder})
    set(out ${generated_dir}/${folder})
    file(MAKE_DIRECTORY ${out})
    set(generated ${out}/${name}.pb.cc ${out}/${name}.grpc.pb.cc)
    add_custom_command(
        OUTPUT ${generated} ${out}/${name}.pb.h ${out}/${name}.grpc.pb.h
        COMMAND ${MIEN_PROTOC} -I ${proto_dir} --cpp_out=${generated_dir}
                --grpc_out=${generated_dir} --plugin=protoc-gen-grpc=${MIEN_PROTOC_GRPC} ${proto}
        DEPENDS ${proto} VERBATIM)
    list(APPEND generated_sources ${generated})
endforeach()
# Without the warnings we ask of ourselves.
add_library(mien_protos OBJECT ${generated_sources})
target_include_directories(mien_protos SYSTEM PUBLIC ${generated_dir})
target_link_libraries(mien_protos PUBLIC PkgConfig::grpcpp PkgConfig::protobuf)

file(GLOB module_sources CONFIGURE_DEPENDS grpc/module/*.cpp)
add_library(mien_grpc_module MODULE ${module_sources})
set_target_properties(mien_grpc_module PROPERTIES OUTPUT_NAME mien-grpc)
set_target_properties(mien_grpc_module mien_protos PROPERTIES
                      CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_VISIBILITY_PRESET hidden
                      VISIBILITY_INLINES_HIDDEN ON)
target_include_directories(mien_grpc_module PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(mien_grpc_module PRIVATE mien_flags mien_protos ${MIEN_GRPC_REFLECTION}
                                               PkgConfig::jansson Threads::Threads)
install(TARGETS mien_grpc_module LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/mien)
