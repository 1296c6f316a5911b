# cmake -DFOLDER=server -DOUTPUT=openapi.json -P openapi.cmake
# Puts the document of the HTTP interface together: FOLDER/openapi.json has what all dialects share, and
# FOLDER/apis/openapi/NAME.json the tags, paths and components of each dialect, in the order of the rows
# of FOLDER/apis/table.c. They are joined as text, two blanks a level, because CMake's own JSON would
# sort the keys, whose order is that of the page.

set(kinds securitySchemes parameters headers requestBodies responses schemas)

# body_of(TEXT NAME INDENT OPEN CLOSE VAR): what stands between the lines `"NAME": OPEN` and CLOSE.
function(body_of text name indent open close var)
    set(${var} "" PARENT_SCOPE)
    set(line "\n${indent}\"${name}\": ${open}\n")
    string(FIND "${text}" "${line}" start)
    if(start LESS 0)
        return()
    endif()
    string(LENGTH "${line}" length)
    math(EXPR start "${start} + ${length}")
    string(SUBSTRING "${text}" ${start} -1 text)
    string(FIND "${text}" "\n${indent}${close}" end)
    string(SUBSTRING "${text}" 0 ${end} text)
    set(${var} "${text}" PARENT_SCOPE)
endfunction()

# join(VAR TEXT): appends a member, with a comma where there is one already.
function(join var text)
    if(text STREQUAL "")
        return()
    endif()
    if(NOT ${var} STREQUAL "")
        set(text "${${var}},\n${text}")
    endif()
    set(${var} "${text}" PARENT_SCOPE)
endfunction()

# add(TEXT): the members of a file go to those that are there.
function(add text)
    body_of("${text}" tags "  " "[" "]" body)
    join(tags "${body}")
    body_of("${text}" paths "  " "{" "}" body)
    join(paths "${body}")
    set(tags "${tags}" PARENT_SCOPE)
    set(paths "${paths}" PARENT_SCOPE)
    foreach(kind IN LISTS kinds)
        body_of("${text}" ${kind} "    " "{" "}" body)
        join(${kind} "${body}")
        set(${kind} "${${kind}}" PARENT_SCOPE)
    endforeach()
endfunction()

foreach(member tags paths ${kinds})
    set(${member} "")
endforeach()
file(READ ${FOLDER}/openapi.json base)
add("${base}")
file(READ ${FOLDER}/apis/table.c table)
string(REGEX MATCHALL "row\\([a-z0-9_]+\\)" rows "${table}")
foreach(row IN LISTS rows)
    string(REGEX REPLACE "row\\((.*)\\)" "\\1" name "${row}")
    file(READ ${FOLDER}/apis/openapi/${name}.json part)
    add("${part}")
endforeach()

string(FIND "${base}" "  \"components\": {\n" start)
string(SUBSTRING "${base}" 0 ${start} document)
set(components "")
foreach(kind IN LISTS kinds)
    if(NOT ${kind} STREQUAL "")
        join(components "    \"${kind}\": {\n${${kind}}\n    }")
    endif()
endforeach()
string(APPEND document "  \"tags\": [\n${tags}\n  ],\n  \"paths\": {\n${paths}\n  },\n"
                       "  \"components\": {\n${components}\n  }\n}\n")
string(JSON count ERROR_VARIABLE wrong LENGTH "${document}" paths)
if(wrong)
    message(FATAL_ERROR "the parts of openapi.json make no JSON document: ${wrong}")
endif()
file(WRITE ${OUTPUT} "${document}")
