"""How the site is built: ``nox -s docs``, or ``python -m sphinx -W --keep-going -b html docs build/site``.

The pages are the files of this folder. Notebooks are run while the site is built; what the command line and the public
names are is read from the package itself.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).resolve().parents[1]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])  # of the notebooks' kernels
sys.path.insert(0, str(ROOT))

import attnprobe  # noqa: E402

project = "attnprobe"
version = release = attnprobe.__version__
copyright = "the authors of attnprobe"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "pages_of_the_code",
]
exclude_patterns = ["results", "_build"]
nitpicky = True
# Types of other projects, and of the inside of this one, have no page here.
nitpick_ignore_regex = [(r"py:.*", r".*")]
suppress_warnings = ["mystnb.unknown_mime_type"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 900
nb_output_stderr = "remove"
nb_merge_streams = True

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": False}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Settings", "params_style")]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90

html_theme = "pydata_sphinx_theme"
html_title = "attnprobe"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "attnprobe"},
    "show_prev_next": True,
    "navigation_with_keys": False,
    "header_links_before_dropdown": 7,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}
