'use strict';

// usage: node server.js MODULES
// dynalite on 127.0.0.1. It prints its port, and ends with its standard input.

const path = require('path');

const dynalite = require(path.join(process.argv[2], 'dynalite'));
const server = dynalite({ createTableMs: 50 });

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
server.listen(0, '127.0.0.1', error => {
  if (error) {
    console.error(error);
    process.exit(1);
  }
  console.log(server.address().port);
});
