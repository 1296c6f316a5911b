# The layers of the tree, lowest first, and nowhere else: CMake finds sources by these lists,
# tools/check_layers.py reads them to check includes, tools/lint.sh to know what to look at. A folder
# includes only headers of its own and of folders named before it in the same list.

# Below both: headers alone, of what the library and the programs need alike.
set(mien_base_layers base)

# libmien, whose public header is include/mien.h.
set(mien_library_layers kernels engine models vision cuda tasks)
# The programs on top of it. Of the library they include the public header only.
set(mien_program_layers common analysis eval server cli)
