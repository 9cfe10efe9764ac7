/** What the person at the screen may do in a project. The server decides; the page leaves out what it would refuse. */
import { Role, type Resource } from '@tinyfleet/contracts';
import { useApi } from './api';

/** `useMay(project)('operator')`: false as well while it is not known yet. */
export function useMay(project: string): (role: Resource<'Role'>) => boolean {
  const { data } = useApi('me');
  const own = data?.isAdmin === true ? 'admin' : data?.projects.find(({ name }) => name === project)?.role;
  return (role) => own !== undefined && Role.options.indexOf(own) >= Role.options.indexOf(role);
}
