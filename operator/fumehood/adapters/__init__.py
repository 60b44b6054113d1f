"""Languages: each says how its programs are started. Nothing here runs anything."""
