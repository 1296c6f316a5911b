# What `mien serve` is made of besides libmien, as static libraries that are never installed:
#   mien_common   common/: text and numbers of JSON, shared by the tool's commands and the server
#   mien_server   server/: the HTTP server
# Who links them also links mien_static, or mien_private in the unit tests.

foreach(module libmicrohttpd libcurl nettle)
    pkg_check_modules(${module} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()

file(GLOB common_sources CONFIGURE_DEPENDS common/*.c)
if(common_sources)
    add_library(mien_common STATIC ${common_sources})
    target_link_libraries(mien_common PUBLIC PkgConfig::jansson m PRIVATE mien_flags)
    target_include_directories(mien_common
        PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
    set(common_library mien_common)
endif()

include(cmake/assets.cmake)
file(GLOB server_sources CONFIGURE_DEPENDS server/*.c server/apis/*.c)
add_library(mien_server STATIC ${server_sources} ${mien_assets_source})
target_link_libraries(mien_server
    PUBLIC ${common_library} PkgConfig::libmicrohttpd PkgConfig::libcurl PkgConfig::nettle
           PkgConfig::jansson Threads::Threads m
    PRIVATE mien_flags)
target_include_directories(mien_server PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
