package config

import (
	"slices"
	"strings"
)

// AllWords is the entry of [Words] that stands for every word.
const AllWords = "*"

// knownWords are ZooKeeper's four-letter words.
var knownWords = []string{
	"conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs",
}

// IsWord tells whether a word is one of ZooKeeper's, or "*".
func IsWord(word string) bool { return word == AllWords || slices.Contains(knownWords, word) }

// Words are four-letter words, each once, in the order they were given. As a flag: "srvr,mntr", or "*".
type Words []string

// Has tells whether a word is among them, by its name or by "*".
func (w Words) Has(word string) bool {
	return slices.Contains(w, word) || slices.Contains(w, AllWords)
}

// String returns the form that Set reads.
func (w *Words) String() string { return strings.Join(*w, ",") }

// Set reads words between commas, as a flag does; the empty string is none.
func (w *Words) Set(s string) error {
	*w = nil
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" && !slices.Contains(*w, word) {
			*w = append(*w, word)
		}
	}
	return nil
}

// Type names the form in the help of a flag.
func (w *Words) Type() string { return "word,..." }

// words notes those that ZooKeeper does not have.
func (p *problems) words(words Words) {
	for _, w := range words {
		p.add(IsWord(w), "--words has %q: it must be * or among %s", w, strings.Join(knownWords, ", "))
	}
}

// zookeeper notes what is wrong with the settings for ZooKeeper's clients.
func (p *problems) zookeeper(c *Config) {
	p.sized("max-packet", c.MaxPacket, 1<<10, 128<<20)
	p.between("max-connections-per-address", int64(c.MaxPerAddress), 0, 1_000_000)
	p.words(c.Words)
	if c.AdminAddr != "" {
		p.address("admin-addr", c.AdminAddr)
	}
	p.add(len(c.AdminPath) > 1 && c.AdminPath[0] == '/' && !strings.HasSuffix(c.AdminPath, "/"),
		"--admin-path is %q: it must begin with a slash and not end with one, e.g. /commands", c.AdminPath)
}
