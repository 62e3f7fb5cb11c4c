"""Stock pusher-js under Node as an independent client of the embedded Travis.

| Call | What it returns here |
|---|---|
| ``new Pusher(key, {wsHost, wsPort, wsPath})`` | ``connected``, with a ``socket_id``, at what ``GET /config`` names |
| the same with a wrong key | error 4001, ``disconnected``; it stays away |
| the same, no activity time-out announced | ``HandshakeError``, but from Slanger, which always announces one |
| ``subscribe(channel)`` | ``pusher:subscription_succeeded``, then events and log parts, in order |
| ``subscribe(private channel)``, signed by ``POST /pusher/auth`` | the same; refused: ``subscription_error`` |
| ..., signed with the secret | the same |
| ..., signed for another socket | ``subscription_error`` 401; from Slanger an error without a code |
| ..., not signed | ``subscription_error`` 401; Slanger lets it in |
| ``unsubscribe(channel)`` | nothing more comes on the wire |
| ``send_event("pusher:subscribe")`` a second time | error, existing subscription; from soketi a confirmation |
| ``send_event("client-...")`` | error 4301; from Slanger nothing |
| ``disconnect()``, ``connect()`` | ``disconnected``; ``connected`` |
| a close with 4100, 4200, 1001, or none | comes back by itself, with fresh signatures |
| a close with 4001, 4009, 4302 | stays away, but from Slanger, whose close frames have no code |
| silence | ``pusher:ping``, answered by a ``pusher:pong``; 4201 after more of it, and it comes back |
| ``pusher:ping`` of the server | ``pusher:pong`` |
"""
