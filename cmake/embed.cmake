# cmake -DFILES=a.html;b.js -DOUTPUT=assets_data.c -P embed.cmake
# Writes a C file with the bytes of each file, plain and compressed, and the table of server/assets.h.

set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_json "application/json")
set(type_svg "image/svg+xml")

# c_array(NAME FILE VAR): sets VAR to the definition of an array that holds the file. In gzip's header,
# bytes 4 to 7 are the time of compression: zero, so that equal files give equal binaries.
function(c_array name file var)
    file(READ ${file} hex HEX)
    if(file MATCHES "\\.gz$")
        string(SUBSTRING ${hex} 0 8 head)
        string(SUBSTRING ${hex} 16 -1 rest)
        set(hex ${head}00000000${rest})
    endif()
    string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
    string(REPEAT "....." 18 line) # 18 bytes: 90 columns
    string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
    set(${var} "static const unsigned char ${name}[] = {\n${bytes}};\n" PARENT_SCOPE)
endfunction()

set(arrays "")
set(rows "")
set(i 0)
foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME)
    string(REGEX REPLACE ".*\\." "" extension ${name})

    set(path /${name}) # pages have no extension, and the first one no name either
    string(REGEX REPLACE "^/index\\.html$" "/" path "${path}")
    string(REGEX REPLACE "\\.html$" "" path "${path}")

    file(SHA256 ${file} hash)
    string(SUBSTRING ${hash} 0 16 hash)
    file(ARCHIVE_CREATE OUTPUT ${OUTPUT}.gz PATHS ${file} FORMAT raw COMPRESSION GZip
         COMPRESSION_LEVEL 9)
    c_array(plain${i} ${file} plain)
    c_array(gzip${i} ${OUTPUT}.gz gzip)
    string(APPEND arrays "${plain}${gzip}")
    string(APPEND rows "    {\"${path}\", \"${type_${extension}}\", plain${i}, sizeof plain${i}, gzip${i}, "
                       "sizeof gzip${i},\n     \"W/\\\"${hash}\\\"\"},\n")
    math(EXPR i "${i} + 1")
endforeach()
file(REMOVE ${OUTPUT}.gz)

file(WRITE ${OUTPUT} "/* Made by cmake/embed.cmake from server/web/. */
#include \"server/assets.h\"

${arrays}
const struct asset ASSETS[] = {
${rows}};
const size_t ASSET_COUNT = sizeof ASSETS / sizeof ASSETS[0];
")
