# What the programs are made of besides libmien: a static library a layer, mien_<layer>, never
# installed. They bring mien_static along, or mien_private for a target with the property MIEN_PRIVATE
# (the unit tests); and the server's libraries, or for a target with the property MIEN_LAZY functions
# that open them when they are called (server/lazy/).

foreach(module libmicrohttpd libcurl nettle)
    pkg_check_modules(${module} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()
function(read_soname module out)
    list(GET ${module}_LINK_LIBRARIES 0 library)
    execute_process(COMMAND ${CMAKE_OBJDUMP} -p ${library} OUTPUT_VARIABLE headers
                    COMMAND_ERROR_IS_FATAL ANY)
    if(NOT headers MATCHES "SONAME +([^\n]+)")
        message(FATAL_ERROR "${library} has no SONAME")
    endif()
    set(${out} ${CMAKE_MATCH_1} PARENT_SCOPE)
endfunction()
read_soname(libmicrohttpd microhttpd_soname)
read_soname(libcurl curl_soname)
read_soname(sqlite3 sqlite_soname)
file(GLOB lazy_sources CONFIGURE_DEPENDS server/lazy/*.c)
add_library(mien_lazy STATIC ${lazy_sources})
target_compile_definitions(mien_lazy PRIVATE LAZY_MICROHTTPD="${microhttpd_soname}"
                                             LAZY_CURL="${curl_soname}"
                                             LAZY_SQLITE="${sqlite_soname}")
target_include_directories(mien_lazy PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(mien_lazy PRIVATE mien_flags ${CMAKE_DL_LIBS})
foreach(module libmicrohttpd libcurl sqlite3)
    target_include_directories(mien_lazy SYSTEM PUBLIC ${${module}_INCLUDE_DIRS})
endforeach()
set(mien_server_modules $<IF:$<BOOL:$<TARGET_PROPERTY:MIEN_LAZY>>,mien_lazy,PkgConfig::libmicrohttpd>
                        $<$<NOT:$<BOOL:$<TARGET_PROPERTY:MIEN_LAZY>>>:PkgConfig::libcurl>
                        PkgConfig::nettle)
# Galleries, for the layer that is about them and those above.
set(mien_recognition_modules
    $<IF:$<BOOL:$<TARGET_PROPERTY:MIEN_PRIVATE>>,mien_gallery_private,mien_gallery_static>
    $<IF:$<BOOL:$<TARGET_PROPERTY:MIEN_LAZY>>,mien_lazy,PkgConfig::sqlite3>)
# Queues in Redis: hiredis' and GnuTLS's headers, and at run time the libraries of these names.
pkg_check_modules(hiredis IMPORTED_TARGET GLOBAL hiredis)
pkg_check_modules(gnutls IMPORTED_TARGET GLOBAL gnutls)
if(hiredis_FOUND AND gnutls_FOUND)
    read_soname(hiredis hiredis_soname)
    read_soname(gnutls gnutls_soname)
    string(REGEX REPLACE "^lib(.*)\\.so\\.(.*)$" "lib\\1\\2" hiredis_package ${hiredis_soname})
else()
    message(STATUS "hiredis or GnuTLS: not found, queues in Redis are left out (apt-get install libhiredis-dev libgnutls28-dev)")
endif()
set(mien_queue_modules $<IF:$<BOOL:$<TARGET_PROPERTY:MIEN_LAZY>>,mien_lazy,PkgConfig::sqlite3>)

include(cmake/assets.cmake)
set(below "")
foreach(layer IN LISTS mien_program_layers)
    if(layer STREQUAL cli) # the tool itself
        continue()
    endif()
    file(GLOB ${layer}_sources CONFIGURE_DEPENDS ${layer}/*.c ${layer}/apis/*.c)
    if(layer STREQUAL server)
        list(APPEND server_sources ${mien_assets_source})
    endif()
    if(layer STREQUAL queue AND hiredis_soname)
        list(FILTER queue_sources EXCLUDE REGEX "/redis_none\\.c$")
    elseif(layer STREQUAL queue)
        list(FILTER queue_sources EXCLUDE REGEX "/(queue_redis|redis_link|redis_scripts|redis_tls)\\.c$")
    endif()
    add_library(mien_${layer} STATIC ${${layer}_sources})
    if(layer STREQUAL queue AND hiredis_soname)
        target_compile_definitions(mien_queue PRIVATE QUEUE_HIREDIS="${hiredis_soname}"
            QUEUE_HIREDIS_PACKAGE="${hiredis_package}" QUEUE_GNUTLS="${gnutls_soname}")
        target_include_directories(mien_queue SYSTEM PRIVATE ${hiredis_INCLUDE_DIRS}
                                                             ${gnutls_INCLUDE_DIRS})
    endif()
    target_link_libraries(mien_${layer}
        PUBLIC ${below} ${mien_${layer}_modules} PkgConfig::jansson Threads::Threads m
               $<IF:$<BOOL:$<TARGET_PROPERTY:MIEN_PRIVATE>>,mien_private,mien_static>
        PRIVATE mien_flags)
    target_include_directories(mien_${layer}
        PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
    set(below mien_${layer})
endforeach()
# Where the tool finds the gRPC module once both are installed (cmake/grpc.cmake).
file(RELATIVE_PATH mien_grpc_place /p/${CMAKE_INSTALL_BINDIR} /p/${CMAKE_INSTALL_LIBDIR}/mien)
target_compile_definitions(mien_grpc PRIVATE MIEN_GRPC_PLACE="${mien_grpc_place}")
target_link_libraries(mien_grpc PUBLIC ${CMAKE_DL_LIBS})
