package zoocfg

import "strings"

// Row is what becomes of one key.
type Row struct {
	// Key is its name in ZooKeeper's documentation, without "zookeeper."; one that ends with an asterisk is all that begin so.
	Key string
	// System says that ZooKeeper also takes it with "zookeeper." in front.
	System bool
	// Settings are the flags that it decides, without dashes; none: it has no counterpart.
	Settings []string
	// Refused says that the server does not start with it.
	Refused bool
	// Why there is no counterpart, or what else is to be known; may be empty if there are Settings.
	Why string

	harmless []string // values of which nothing needs to be said, lower-case
	warning  bool     // not to do as it says is more than a detail
	// take puts the value where it belongs; nil if the subject it belongs to looks for it itself.
	take func(*reader, entry)
}

// Table returns all rows, by subject.
func Table() []Row {
	var all []Row
	for _, rows := range [][]Row{serverRows(), ensembleRows(), clientRows(), adminRows(), storageRows(), detailRows(), authRows(), tlsRows()} {
		all = append(all, rows...)
	}
	return all
}

// decides is a row that becomes settings.
func decides(key, flags string, take func(*reader, entry)) Row {
	return Row{Key: key, Settings: strings.Fields(flags), take: take}
}

// nothing is a row without counterpart; where it has one of the harmless values, that goes without saying.
func nothing(key, why string, harmless ...string) Row {
	return Row{Key: key, Why: why, harmless: harmless}
}

// system is a row that may have "zookeeper." in front.
func system(r Row) Row {
	r.System = true
	return r
}

// warned is a row whose note is a warning.
func warned(r Row) Row {
	r.warning = true
	return r
}

// told is a row whose subject has a note of its own for it.
func told(r Row) Row {
	r.take = func(*reader, entry) {}
	return r
}

// refused is a row with which the server does not start.
func refused(key, why string, harmless ...string) Row {
	return Row{Key: key, Why: why, Refused: true, harmless: harmless}
}

// noted is a row with something to be known besides its settings.
func noted(why string, r Row) Row {
	r.Why = why
	return r
}

// index finds rows by key.
type index struct {
	exact    map[string]*Row
	families []*Row // those with an asterisk
	keys     []string
}

func newIndex() *index {
	rows, x := Table(), &index{exact: map[string]*Row{}}
	for i := range rows {
		r := &rows[i]
		if strings.HasSuffix(r.Key, "*") {
			x.families = append(x.families, r)
			continue
		}
		x.exact[r.Key] = r
		x.keys = append(x.keys, r.Key)
	}
	return x
}

// find returns the row of a key as it is written, and its name in the table; nil if there is none.
func (x *index) find(key string) (*Row, string) {
	if r := x.row(key); r != nil {
		return r, key
	}
	bare, ok := strings.CutPrefix(key, "zookeeper.")
	if r := x.row(bare); ok && r != nil && r.System {
		return r, bare
	}
	return nil, ""
}

func (x *index) row(key string) *Row {
	if r := x.exact[key]; r != nil {
		return r
	}
	for _, r := range x.families {
		if strings.HasPrefix(key, strings.TrimSuffix(r.Key, "*")) {
			return r
		}
	}
	return nil
}
