# What the programs are made of besides libmien: a static library a layer, mien_<layer>, never
# installed. They bring mien_static along, or mien_private for a target with the property MIEN_PRIVATE
# (the unit tests).

foreach(module libmicrohttpd libcurl nettle)
    pkg_check_modules(${module} REQUIRED IMPORTED_TARGET GLOBAL ${module})
endforeach()
set(mien_server_modules PkgConfig::libmicrohttpd PkgConfig::libcurl PkgConfig::nettle)

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
    add_library(mien_${layer} STATIC ${${layer}_sources})
    target_link_libraries(mien_${layer}
        PUBLIC ${below} ${mien_${layer}_modules} PkgConfig::jansson Threads::Threads m
               $<IF:$<BOOL:$<TARGET_PROPERTY:MIEN_PRIVATE>>,mien_private,mien_static>
        PRIVATE mien_flags)
    target_include_directories(mien_${layer}
        PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
    set(below mien_${layer})
endforeach()
