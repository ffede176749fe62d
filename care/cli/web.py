"""`care web`: webhooks, public pages and the console."""

import typer

app = typer.Typer()


@app.command()
def web() -> None:
    """Run the web process alone: webhooks, public pages, console. Ends cleanly on SIGTERM or Ctrl-C.

    Prints its address when it listens.
    Exit 0: ended when asked to. Exit 2: the port is in use, the database is away, or the settings are wrong.
    """
    from care.base.logs import configure_logs
    from care.base.processes import wait_for_word
    from care.bootstrap import build_services
    from care.web.process import run_web

    wait_for_word()
    services = build_services()
    configure_logs(services.settings.log, process="web")
    run_web(services, say=typer.echo)
