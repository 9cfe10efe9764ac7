// A child process that answers each message with one, so that load and server have a core each.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** @param {URL} file @param {string[]} args @param {string[]} execArgv */
export function child(file, args, execArgv) {
  const process = fork(fileURLToPath(file), args, {
    execArgv,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = new Promise((resolve) => process.once('exit', resolve));
  const next = () =>
    new Promise((resolve, reject) => {
      process.once('message', resolve);
      void ended.then((code) => reject(new Error(`${file.pathname} ended with ${code}`)));
    });
  const ask = (message) => {
    const answer = next();
    process.send(message);
    return answer;
  };
  return { process, ended, next, ask };
}
