"""The world that the embedded Travis serves: repositories, builds, jobs, logs, users."""
