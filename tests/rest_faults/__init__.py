"""What a broken or hostile server can do to REST; none of it may pass for right.

Every failure is an error of our tree, reads are tried three times, a write goes out once, no secret comes to light, and
no connection or task is left (`wire` looks after that).
"""
