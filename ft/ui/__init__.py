"""The web page. The only importer of gradio."""
