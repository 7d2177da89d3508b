"""The web app: `python app.py [--host H] [--port P] [--auth user:pass]`."""

from ft.cli import run_app

if __name__ == "__main__":
    run_app()
