"""`care surveys learn`: words that people's answers teach, to be looked at before they count."""

import typer


def learn(
    apply: bool = typer.Option(False, "--apply", help="Write the words into replies.yaml beside the campaigns."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object per line."),
) -> None:
    """Propose words from what people said unclear replies meant, and show what each would change.

    Without --apply nothing is written. Every stored reply is read again with each new word, so that a word that would
    turn other replies is seen first. Exit 0: also when nothing is proposed. Exit 2: replies.yaml cannot be used.
    """
    from care.base.database import plain_errors, read
    from care.bootstrap import build_services
    from care.cli.output import counted, print_json, say
    from care.surveys.conversation.meaning import lessons, stored_replies
    from care.surveys.replies.learning import changes, propose, with_proposals
    from care.surveys.replies.overlay import FILE, add_words, load_lexicon

    services = build_services()
    path = services.root / services.settings.paths.campaigns / FILE
    lexicon = load_lexicon(path, services.policies)
    with plain_errors(services.engine), read(services.engine) as conn:
        taught, stored = lessons(conn), stored_replies(conn)
    proposals = list(propose(taught, lexicon))
    for proposal in proposals:
        moved = changes(stored, lexicon, with_proposals(lexicon, [proposal]))
        if as_json:
            told = [{"inbound": one.id, "before": one.before, "after": one.after} for one in moved]
            row = {"meaning": proposal.meaning, "language": proposal.language, "word": proposal.phrase}
            print_json({**row, "from": proposal.lesson, "changes": told})
            continue
        say(f"+ {proposal.meaning}: {proposal.language}: {proposal.phrase}   (from message {proposal.lesson})")
        for one in moved:
            say(f"    message {one.id}: {one.before} -> {one.after}")
    if apply and proposals:
        add_words(path, [(one.meaning, one.language, one.phrase) for one in proposals])
    if not as_json:
        say(_closing(counted(len(proposals), "word"), bool(proposals), is_applied=apply))


def _closing(words: str, is_any: bool, *, is_applied: bool) -> str:
    if not is_any:
        return "nothing to learn"
    return f"{words} written" if is_applied else f"{words} proposed. To use them: care surveys learn --apply"
