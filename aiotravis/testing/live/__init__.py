"""The live side of the embedded Travis: a Pusher app in three dialects, and Pusher's HTTP API."""
