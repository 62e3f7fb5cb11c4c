"""One file per Travis entity: its structs, its endpoints, its calls."""
