# The files of server/web/ become bytes of the binary: `mien_assets_source` names the generated C file,
# to be compiled with server/assets.c. It is made again when a file changes, comes or goes. One of them,
# openapi.json, is put together from the parts of the dialects.
file(GLOB asset_files CONFIGURE_DEPENDS server/web/*.html server/web/*.css server/web/*.js
     server/web/*.svg)
file(GLOB openapi_parts CONFIGURE_DEPENDS server/apis/openapi/*.json)
set(openapi ${PROJECT_BINARY_DIR}/openapi.json)
add_custom_command(
    OUTPUT ${openapi}
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${PROJECT_SOURCE_DIR}/server -DOUTPUT=${openapi}
            -P ${PROJECT_SOURCE_DIR}/cmake/openapi.cmake
    DEPENDS server/openapi.json server/apis/table.c ${openapi_parts} cmake/openapi.cmake
    VERBATIM
    COMMENT "Putting the documentation of the dialects together")
list(APPEND asset_files ${openapi})
set(mien_assets_source ${PROJECT_BINARY_DIR}/assets_data.c)
add_custom_command(
    OUTPUT ${mien_assets_source}
    COMMAND ${CMAKE_COMMAND} "-DFILES=${asset_files}" -DOUTPUT=${mien_assets_source}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${asset_files} cmake/embed.cmake
    VERBATIM
    COMMENT "Putting the pages of mien serve into a C file")
