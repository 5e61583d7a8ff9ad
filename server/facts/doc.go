// Package facts gathers what a server tells of itself to ZooKeeper's tools, as pure values: server/words renders them as the text of
// four-letter words, server/commands as the JSON of the HTTP commands.
package facts
