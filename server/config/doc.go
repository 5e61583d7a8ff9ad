// Package config holds the settings of a server: one struct with the unit, the
// range and the default of every field, where they come from (command line,
// environment), and what is wrong with them, in sentences.
//
// Files of settings are read by the packages below it: yamlfile reads our own, zoocfg ZooKeeper's (by properties), and source is
// what both return.
package config
