"""The web app: `python app.py [--host H] [--port P] [--auth user:pass]`."""

from ft.cli import serve_main

if __name__ == "__main__":
    raise SystemExit(serve_main())
