// Package yamlfile is Quorate's own file of settings: YAML, one key a setting, named as its flag without dashes.
//
//	id: 1
//	data-dir: /var/lib/quorate
//	client-addr: ":2181"
//	peers:
//	  1: zoo1:2888
//	  2: zoo2:2888
//	  3: zoo3:2888:observer
//	words: [srvr, ruok]
//	groups: [[1, 2, 3], [4, 5, 6]]
//	weights: {2: 0}
//
// A value is written as for the flag; what has several parts may be a list or a mapping in its place. A key without a value is as if it
// were not there. What is not a setting is an error.
package yamlfile
