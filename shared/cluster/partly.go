package cluster

// Partly returns the gap of what may be read in some namespaces and not in those, with the error that reading it everywhere
// ended in. The words are those of Everywhere.
func Partly(what string, refused []string, err error) Gap {
	return Gap{Missing: what + " in " + someOf(refused), Namespaces: refused, Err: err}
}
