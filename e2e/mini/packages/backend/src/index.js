const { createServer } = require('node:http');
const { readFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const ms = require('ms');
const { greeting } = require('@internal/greeting');

const page = join(dirname(require.resolve('app/package.json')), 'dist', 'index.html');

createServer((request, response) => {
  const ready = request.url === '/.backstage/health/v1/readiness';
  response.setHeader('content-type', ready ? 'application/json' : 'text/html');
  response.end(ready ? JSON.stringify({ status: 'ok', greeting: greeting(), day: ms('1d') }) : readFileSync(page));
}).listen(7007);
