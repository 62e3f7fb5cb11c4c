"""Stock pusher-js under Node as an independent client of the embedded Travis.

| Call | What it returns here |
|---|---|
| ``new Pusher(key, {wsHost, wsPort, wsPath})`` | ``connected`` and a ``socket_id``, at the server in ``GET /config`` |
| the same with a wrong key | error 4001, ``disconnected``; it does not reconnect |
| the same, no activity timeout announced | ``HandshakeError``; Slanger always announces one |
| ``subscribe(channel)`` | ``pusher:subscription_succeeded``, then events and log parts, in order |
| ``subscribe(private channel)``, signed by ``POST /pusher/auth`` | the same; refused: ``subscription_error`` |
| ..., signed with the secret | the same |
| ..., signed for another socket | ``subscription_error`` 401; from Slanger an error without a code |
| ..., not signed | ``subscription_error`` 401; Slanger accepts it |
| ``unsubscribe(channel)`` | no further events |
| ``send_event("pusher:subscribe")`` a second time | error, existing subscription; from soketi a confirmation |
| ``send_event("client-...")`` | error 4301; from Slanger nothing |
| ``disconnect()``, ``connect()`` | ``disconnected``; ``connected`` |
| a close with 4100, 4200, 1001, or none | reconnects by itself, with new signatures |
| a close with 4001, 4009, 4302 | does not reconnect; to Slanger it does, whose close frames have no code |
| no frames for a while | ``pusher:ping``, answered by ``pusher:pong``; later 4201, and it reconnects |
| ``pusher:ping`` of the server | ``pusher:pong`` |
"""
