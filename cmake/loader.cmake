# Run by `cmake --install` with libdir set: makes the loader find libmien.so there, or says how to.
# Where the loader looks in libdir at all (Debian: /usr/lib, /usr/local/lib), it does so in a cache,
# which ldconfig makes.
find_program(ldconfig ldconfig PATHS /sbin /usr/sbin)
set(known FALSE)
if(ldconfig)
    # Lists the folders without making anything: "/usr/local/lib: (from ...)", and what is in each.
    execute_process(COMMAND ${ldconfig} -v -N -X OUTPUT_VARIABLE listed ERROR_QUIET)
    string(REGEX MATCHALL "(^|\n)/[^:\n]*:" folders "${listed}")
    list(TRANSFORM folders REPLACE "[\n:]" "")
    get_filename_component(place "${libdir}" REALPATH)
    foreach(folder IN LISTS folders)
        get_filename_component(folder "${folder}" REALPATH)
        if(folder STREQUAL place)
            set(known TRUE)
        endif()
    endforeach()
endif()
set(failed FALSE)
if(known)
    execute_process(COMMAND ${ldconfig} RESULT_VARIABLE failed ERROR_QUIET)
endif()
if(NOT known)
    message(STATUS "The loader does not look in ${libdir}: programs that use libmien.so need "
                   "LD_LIBRARY_PATH=${libdir}, or that folder in /etc/ld.so.conf.d and ldconfig")
elseif(NOT failed EQUAL 0)
    message(STATUS "The loader finds libmien.so once ldconfig was run as root")
endif()
