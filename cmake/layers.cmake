# The layers of the tree, lowest first, and nowhere else: CMake finds sources by these lists,
# tools/check_layers.py reads them to check includes, tools/lint.sh to know what to look at. A folder
# includes only headers of its own and of folders named before it in the same list.

# Below both: headers alone, of what the library and the programs need alike.
set(mien_base_layers base)

# libmien, whose public header is include/mien.h.
set(mien_library_layers kernels engine models vision cuda tasks)
# libmien-gallery, whose public header is include/mien_gallery.h. It is built with what it needs of the
# layers it shares with libmien, and links neither libmien nor is linked by it.
set(mien_gallery_layers kernels engine gallery)
# The programs on top of both. Of the libraries they include the public headers only.
set(mien_program_layers common analysis recognition queue eval grpc server services cli)
