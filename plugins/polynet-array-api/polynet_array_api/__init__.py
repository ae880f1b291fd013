"""Libraries of the Python array API standard as backends of polynet.

``polynet_array_api.backend`` has the class, parametrised by a library's namespace; each other module is the plugin of
one library.  Imports nothing.
"""
