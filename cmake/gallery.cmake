# libmien-gallery, beside libmien and in the same three forms (cmake/library.cmake):
#   mien_gallery_private  every symbol, for the unit tests, together with mien_private
#   mien_gallery          libmien-gallery.so, exports mien_gallery_* only
#   mien_gallery_static   libmien-gallery.a: one relocatable object, likewise
# What it needs of layers that libmien has, too, is taken out of an archive of libmien's objects, so
# that either library can be used without the other, and both together.
pkg_check_modules(sqlite3 REQUIRED IMPORTED_TARGET GLOBAL sqlite3)

file(GLOB gallery_sources CONFIGURE_DEPENDS gallery/*.c)
add_library(mien_gallery_objects OBJECT ${gallery_sources})
target_compile_definitions(mien_gallery_objects PRIVATE MIEN_BUILDING)
target_include_directories(mien_gallery_objects PUBLIC ${PROJECT_SOURCE_DIR}
                                                       ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(mien_gallery_objects PRIVATE mien_flags PkgConfig::sqlite3 Threads::Threads)

add_library(mien_shared_parts STATIC $<TARGET_OBJECTS:mien_objects>)
target_link_libraries(mien_shared_parts PUBLIC mien_needs)

add_library(mien_gallery_private STATIC $<TARGET_OBJECTS:mien_gallery_objects>)
target_include_directories(mien_gallery_private PUBLIC ${PROJECT_SOURCE_DIR}
                                                       ${PROJECT_SOURCE_DIR}/include)
target_link_libraries(mien_gallery_private PUBLIC mien_private PkgConfig::sqlite3)

add_library(mien_gallery SHARED $<TARGET_OBJECTS:mien_gallery_objects>)
set_target_properties(mien_gallery PROPERTIES OUTPUT_NAME mien-gallery VERSION ${PROJECT_VERSION}
                                              SOVERSION ${PROJECT_VERSION_MAJOR})
# Of the archive only what is used gets in, and of the libraries it may need only those.
target_link_options(mien_gallery PRIVATE -Wl,--as-needed -Wl,--exclude-libs,ALL)
target_link_libraries(mien_gallery PRIVATE $<BUILD_INTERFACE:mien_shared_parts>
                                           $<BUILD_INTERFACE:PkgConfig::sqlite3>)
target_include_directories(mien_gallery INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)

if(MIEN_SANITIZE OR MIEN_FUZZ)
    add_library(mien_gallery_static STATIC $<TARGET_OBJECTS:mien_gallery_objects>)
    target_link_libraries(mien_gallery_static PRIVATE mien_shared_parts)
else()
    set(gallery_object ${PROJECT_BINARY_DIR}/mien_gallery_whole.o)
    add_custom_command(
        OUTPUT ${gallery_object}
        COMMAND ${CMAKE_LINKER} -r -o ${gallery_object} $<TARGET_OBJECTS:mien_gallery_objects>
                $<TARGET_FILE:mien_shared_parts>
        COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=mien_gallery_* ${gallery_object}
        DEPENDS $<TARGET_OBJECTS:mien_gallery_objects> mien_shared_parts
        COMMAND_EXPAND_LISTS VERBATIM
        COMMENT "Making every symbol but mien_gallery_* local")
    add_library(mien_gallery_static STATIC ${gallery_object})
    set_source_files_properties(${gallery_object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
endif()
set_target_properties(mien_gallery_static PROPERTIES OUTPUT_NAME mien-gallery LINKER_LANGUAGE C)
target_link_libraries(mien_gallery_static PUBLIC $<BUILD_INTERFACE:Threads::Threads> m)
target_include_directories(mien_gallery_static INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
