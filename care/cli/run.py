"""`care run` and `care dispatch`: the long-running processes."""

import typer

app = typer.Typer()


@app.command()
def run(
    web: bool = typer.Option(True, help="Also run the web process: webhooks, public pages, console."),
) -> None:
    """Run the daemon: plan, send, track. Ends cleanly on SIGTERM or Ctrl-C.

    Exit 0: ended when asked to, or another leader took over. Exit 2: another leader runs on this database, the database
    is away or may not be written, the port of the web process is in use, or the settings are wrong; nothing has been
    sent then.
    """
    import os

    from care.base.processes import start_early

    children = ("dispatch", "web") if web else ("dispatch",)
    with start_early("dispatch") as dispatcher:  # it loads while we do, and begins at our word
        from care.base.logs import configure_logs
        from care.bootstrap import build_services
        from care.daemon import Daemon

        services = build_services()
        configure_logs(services.settings.log, process="leader")
        has_ended = Daemon(services=services, children=children, early={"dispatch": dispatcher}).run()
    if not has_ended:
        os._exit(0)  # a thread that plans would keep the process alive


@app.command()
def dispatch(
    until_idle: bool = typer.Option(False, "--until-idle", help="Stop when nothing is due any more."),
) -> None:
    """Run one dispatcher: claim, send and record what is due.

    With SQLite there is one, normally that of `care run`; with PostgreSQL start as many as you like.
    Exit 0: ended when asked to, or nothing is due. Exit 1: nothing may be sent.
    Exit 2: a dispatcher runs on this SQLite database already, or the database is away or may not be written.
    """
    from care.base.errors import AnswerIsNoError
    from care.base.logs import configure_logs
    from care.base.processes import wait_for_word
    from care.bootstrap import build_services
    from care.delivery.process import load_ahead, run_dispatcher

    load_ahead()
    wait_for_word()
    services = build_services()
    configure_logs(services.settings.log, process="dispatch")
    work = services.work()
    sent = run_dispatcher(work, directory=services.settings.data_dir, until_idle=until_idle)
    if until_idle:
        typer.echo(f"{sent} messages handed over")
        if why := work.sentry.why_still():
            raise AnswerIsNoError(why)
