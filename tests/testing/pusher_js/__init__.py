"""Stock pusher-js in a process of its own, as an independent client of the embedded Travis."""
