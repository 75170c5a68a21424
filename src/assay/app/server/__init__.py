"""The server: pages and an API over finished runs. It needs the extra `web`; what answers are is in assay.serving.

app.py puts it together, guard.py keeps it safe. A page is a file in pages/ and a template; a theme of the API a file in api/.
"""
