# `cmake --install`: libraries, header, tool, mien.pc, the CMake package, the manual page, completion
# for shells, and the weights converter with the command `mien-weights` in front of it.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mien)
set(data_dir ${CMAKE_INSTALL_DATADIR}/mien)

install(FILES include/mien.h include/mien_gallery.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
# Two export sets: a program that wants libmien.so needs none of the static library's dependencies.
install(TARGETS mien mien_gallery EXPORT mienTargets)
install(TARGETS mien_gallery_static)
install(TARGETS mien_static EXPORT mienStaticTargets)
install(EXPORT mienTargets NAMESPACE mien:: DESTINATION ${package_dir})
install(EXPORT mienStaticTargets NAMESPACE mien:: DESTINATION ${package_dir})

set(mien_static_libs "-lm")
foreach(library IN LISTS CMAKE_DL_LIBS) # dlopen, where the C library lacks it
    string(APPEND mien_static_libs " -l${library}")
endforeach()

list(JOIN mien_pkgconfig_modules " " mien_requires_private)
configure_package_config_file(cmake/mienConfig.cmake.in mienConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(mienConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/mienConfig.cmake ${PROJECT_BINARY_DIR}/mienConfigVersion.cmake
        DESTINATION ${package_dir})

# Relative paths keep mien.pc and mien-weights right wherever the tree is moved to.
file(RELATIVE_PATH mien_pc_prefix /p/${CMAKE_INSTALL_LIBDIR}/pkgconfig /p)
file(RELATIVE_PATH mien_data_from_bin /p/${CMAKE_INSTALL_BINDIR} /p/${data_dir})
configure_file(cmake/mien.pc.in mien.pc @ONLY)
configure_file(cmake/mien-gallery.pc.in mien-gallery.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mien.pc ${PROJECT_BINARY_DIR}/mien-gallery.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_file(docs/mien.1.in mien.1 @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/mien.1 docs/mien-weights.1
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)

# What completes the tool in shells, each where its shell looks, printed by the tool itself.
if(TARGET mien_cli)
    set(completion_bash mien ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
    set(completion_zsh _mien ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
    set(completion_fish mien.fish ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
    foreach(shell bash zsh fish)
        list(GET completion_${shell} 0 name)
        list(GET completion_${shell} 1 folder)
        set(script ${PROJECT_BINARY_DIR}/completion/${shell}/${name})
        file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/completion/${shell})
        add_custom_command(OUTPUT ${script} DEPENDS mien_cli VERBATIM
                           COMMAND mien_cli completion ${shell} > ${script})
        list(APPEND completion_scripts ${script})
        install(FILES ${script} DESTINATION ${folder})
    endforeach()
    add_custom_target(mien_completion ALL DEPENDS ${completion_scripts})
endif()

# Networks trained here, which are data of the repository (docs/models).
install(DIRECTORY models/data/ DESTINATION ${data_dir}/networks FILES_MATCHING PATTERN "*.safetensors")
install(DIRECTORY weights_convert DESTINATION ${data_dir}
        PATTERN __pycache__ EXCLUDE PATTERN "*.pyc" EXCLUDE)
configure_file(cmake/mien-weights.in mien-weights @ONLY)
install(PROGRAMS ${PROJECT_BINARY_DIR}/mien-weights DESTINATION ${CMAKE_INSTALL_BINDIR})

# The systemd unit names the tool by its whole path, which only the installation knows.
install(CODE "
    set(mien_bindir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    configure_file(\"${PROJECT_SOURCE_DIR}/packaging/mien.service.in\"
                   \"${PROJECT_BINARY_DIR}/mien.service\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/mien.service DESTINATION lib/systemd/system)
install(FILES packaging/mien.conf packaging/nginx.conf DESTINATION ${data_dir}/examples)

# Below DESTDIR nothing is run from there: the package's own script does this.
install(CODE "
    if(\"\$ENV{DESTDIR}\" STREQUAL \"\")
        set(libdir \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_LIBDIR}\")
        include(\"${PROJECT_SOURCE_DIR}/cmake/loader.cmake\")
    endif()")
