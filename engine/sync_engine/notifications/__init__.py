"""Telling people: an event of a transfer becomes a message, and the message goes to who asked for it.

    event → wording (templates) → throttle (not the same thing all day) → delivery (webhook, Slack, e-mail)

Nothing here decides how a command ends: a message that cannot be delivered is said where the command says everything
else, and the outcome stays what it is.
"""
