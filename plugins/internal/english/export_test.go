package english

// Late returns what the initialization came to.
func Late() error { return errLate }
