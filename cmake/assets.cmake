# The files of server/web/ become bytes of the binary: `mien_assets_source` names the generated C file,
# to be compiled with server/assets.c. It is made again when a file changes, comes or goes.
file(GLOB asset_files CONFIGURE_DEPENDS server/web/*.html server/web/*.css server/web/*.js
     server/web/*.json server/web/*.svg)
set(mien_assets_source ${PROJECT_BINARY_DIR}/assets_data.c)
add_custom_command(
    OUTPUT ${mien_assets_source}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${asset_files}" -DOUTPUT=${mien_assets_source}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${asset_files} cmake/embed.cmake
    VERBATIM
    COMMENT "Putting the pages of mien serve into a C file")
