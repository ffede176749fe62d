"""`care keys`: what lets other systems post to us."""

from typing import Any

import typer

app = typer.Typer(help="Keys of other systems.", no_args_is_help=True)

AS_JSON = typer.Option(False, "--json", help="Print JSON.")


@app.callback()
def keys() -> None:
    """Keys of other systems."""


@app.command()
def create(
    scope: list[str] = typer.Option(..., "--scope", help="What the key may do: events. Repeatable."),
    kind: str = typer.Option("bearer", "--kind", help="bearer: sent along; webhook: signs as Standard Webhooks does."),
    name: str = typer.Option("", "--name", help="Whose key it is, for the list."),
    json: bool = AS_JSON,
) -> None:
    """Make a key and show it, this once. Two good keys at a time let a system change keys without a pause.

    Exit 0: made. Exit 2: no such scope or kind.
    """
    from care.base.database import plain_errors, write
    from care.base.errors import InputError
    from care.bootstrap import build_services
    from care.cli.output import print_json, say
    from care.inbound.events.keys import SCOPES, KeyKind, KeyRing, create_key

    wrong = [one for one in scope if one not in SCOPES]
    if wrong:
        raise InputError(f"--scope {wrong[0]}: no such scope. Use one of {', '.join(SCOPES)}")
    if kind not in [*KeyKind]:
        raise InputError(f"--kind {kind}: no such kind. Use one of {', '.join(KeyKind)}")
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"--name: is longer than {_LONGEST_NAME} characters, or not printable. Choose another")
    services = build_services()
    ring, chosen = KeyRing(services.keys.secret), KeyKind(kind)
    with plain_errors(services.engine), write(services.engine) as conn:
        scopes = sorted(set(scope))
        key_id = create_key(conn, kind=chosen, name=name or kind, scopes=scopes, now=services.clock.now())
    if json:
        print_json({"id": key_id, "kind": kind, "scopes": scopes, "key": ring.shown(chosen, key_id)})
        return
    say(ring.shown(chosen, key_id))
    say(f"Key {key_id}, shown this once. Keep it where the other system keeps its secrets.")


_LONGEST_NAME = 64


@app.command("list")
def list_all(json: bool = AS_JSON) -> None:
    """List keys, the revoked ones too; no secret is shown. Exit 0: shown, or there is none."""
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import print_rows, say
    from care.inbound.events.keys import list_keys

    services = build_services()
    with plain_errors(services.engine), read(services.engine) as conn:
        rows: list[dict[str, Any]] = [
            {"id": row["key_id"], **{name: row[name] for name in _SHOWN}} for row in list_keys(conn)
        ]
    if not print_rows(rows, as_json_lines=json) and not json:
        say("There is no key. Make one: care keys create --scope events")


_SHOWN = ("name", "kind", "scopes", "created_at", "last_used_at", "revoked_at")


@app.command()
def revoke(
    key_id: str = typer.Argument(metavar="ID", help="Of `care keys list`."),
    json: bool = AS_JSON,
) -> None:
    """End a key at once. Exit 0: it is ended. Exit 1: there is no such key, or it was ended before."""
    from care.base.database import plain_errors, write
    from care.base.errors import AnswerIsNoError
    from care.bootstrap import build_services
    from care.cli.output import print_json, say
    from care.inbound.events.keys import revoke_key

    services = build_services()
    with plain_errors(services.engine), write(services.engine) as conn:
        is_ended = revoke_key(conn, key_id, services.clock.now())
    if not is_ended:
        raise AnswerIsNoError(f"{key_id}: no key of this id is good. See: care keys list")
    if json:
        print_json({"id": key_id, "revoked": True})
    else:
        say(f"Key {key_id} is no longer good.")
