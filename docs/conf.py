"""How Sphinx builds the documentation: `tox -e docs`. Pages are Markdown (MyST)."""

import polynet

project = "polynet"
copyright = "the polynet contributors"
version = release = polynet.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "polynet"
html_show_copyright = False
html_show_sphinx = False

autodoc_typehints = "description"
autodoc_member_order = "bysource"
