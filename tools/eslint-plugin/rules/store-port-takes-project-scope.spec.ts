// store-port-takes-project-scope
import { storePortTakesProjectScope } from './store-port-takes-project-scope.mjs';
import { ruleTester } from '../rule-tester.mjs';

ruleTester.run('store-port-takes-project-scope', storePortTakesProjectScope, {
  valid: [
    {
      name: 'should accept a scope',
      code: `interface DeviceStore { get(scope: ProjectScope, name: string): Promise<Device> }`,
    },
    {
      name: 'should accept all projects',
      code: `interface WindowStore { drop(scope: AllProjects): Promise<void> }`,
    },
    {
      name: 'should accept either of both',
      code: `interface WindowStore { drop(scope: ProjectScope | AllProjects): Promise<void> }`,
    },
    { name: 'should leave other interfaces alone', code: `interface Clock { now(): number }` },
    {
      name: 'should accept a port on the allow-list',
      options: [{ allow: ['AuthStore'] }],
      code: `interface AuthStore { find(email: string): void }`,
    },
    {
      name: 'should accept a method on the allow-list',
      options: [{ allow: ['ProjectStore.find'] }],
      code: `interface ProjectStore { find(name: string): void }`,
    },
  ],
  invalid: [
    {
      name: 'should refuse a method without a scope',
      code: `interface DeviceStore { get(name: string): void }`,
      errors: [{ messageId: 'scope', data: { port: 'DeviceStore', method: 'get' } }],
    },
    {
      name: 'should refuse a method without parameters',
      code: `interface DeviceStore { all(): void }`,
      errors: [{ messageId: 'scope' }],
    },
    {
      name: 'should refuse a scope that is not first',
      code: `interface DeviceStore { get(name: string, scope: ProjectScope): void }`,
      errors: [{ messageId: 'scope' }],
    },
    {
      name: 'should refuse an optional way round it',
      code: `interface DeviceStore { get(scope: ProjectScope | null): void }`,
      errors: [{ messageId: 'scope' }],
    },
    {
      name: 'should look at properties that are functions',
      code: `type DeviceStore = { get: (name: string) => void }`,
      errors: [{ messageId: 'scope' }],
    },
    {
      name: 'should not take one method for another',
      options: [{ allow: ['ProjectStore.find'] }],
      code: `interface ProjectStore { remove(name: string): void }`,
      errors: [{ messageId: 'scope' }],
    },
  ],
});
