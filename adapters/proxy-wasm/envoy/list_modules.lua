#!lua name=ccs_modules

-- Compares byte by byte. The operator < would compare as the locale of the server does.
local function less(a, b)
  for at = 1, math.min(#a, #b) do
    local x, y = a:byte(at), b:byte(at)
    if x ~= y then return x < y end
  end
  return #a < #b
end

-- Splits a text at its dots.
local function split(text)
  local parts = {}
  for part in (text .. '.'):gmatch('([^.]*)%.') do parts[#parts + 1] = part end
  return parts
end

-- Reads a semantic version leniently: one to four numbers, with a v or zeros before them. Build metadata
-- does not count.
local function read_version(text)
  local version = text:gsub('^[vV]', ''):gsub('%+.*$', '')
  local numbers, prerelease = version:match('^([^-]*)-(.*)$')
  local parts, identifiers = split(numbers or version), {}
  if #parts > 4 then return nil end

  for at, digits in ipairs(parts) do
    if not digits:match('^[0-9]+$') then return nil end
    parts[at] = tonumber(digits)
  end
  if prerelease and prerelease ~= '' then
    for at, identifier in ipairs(split(prerelease)) do
      local is_valid = identifier:match('^[0-9A-Za-z-]+$') and not identifier:match('^0[0-9]+$')
      if not is_valid then return nil end
      identifiers[at] = identifier
    end
  end
  return { parts = parts, identifiers = identifiers }
end

-- Returns the version of a module: its semantic version, or the version that its number stands for.
local function version_of(module)
  local semantic, number = module.semantic_version, tonumber(module.version)
  local version = type(semantic) == 'string' and read_version(semantic)
  if version or not number then return version or nil end
  local parts = { math.floor(number / 10000), math.floor(number / 100) % 100, number % 100 }
  return { parts = parts, identifiers = {} }
end

-- Compares identifiers of pre-releases: numbers come before texts.
local function compare_identifiers(a, b)
  if a == b then return 0 end
  local x, y = a:match('^[0-9]+$') and tonumber(a), b:match('^[0-9]+$') and tonumber(b)
  if x and y then return x - y end
  if x or y then return x and -1 or 1 end
  return less(a, b) and -1 or 1
end

-- Compares versions by the precedence of Semantic Versioning 2.0.0, section 11. No version is the oldest.
local function compare(a, b)
  if not a or not b then return (a and 1 or 0) - (b and 1 or 0) end
  for at = 1, 4 do
    local difference = (a.parts[at] or 0) - (b.parts[at] or 0)
    if difference ~= 0 then return difference end
  end

  local x, y = a.identifiers, b.identifiers
  if #x == 0 or #y == 0 then return #y - #x end
  for at = 1, math.min(#x, #y) do
    local difference = compare_identifiers(x[at], y[at])
    if difference ~= 0 then return difference end
  end
  return #x - #y
end

-- The values by which a document is sorted. A document without a name comes before one whose name
-- is empty.
local function sort_keys(document)
  local sound, module = pcall(cjson.decode, document)
  if not sound or type(module) ~= 'table' then module = {} end
  return {
    name = type(module.module_name) == 'string' and '=' .. module.module_name or '',
    version = version_of(module),
    uid = type(module.uid) == 'string' and module.uid or '',
  }
end

-- Returns the documents of the hash KEYS[1] as one array: by module name, then newest version first,
-- then by uid. It returns malformed documents too, so that the filter can name them.
local function list_modules(keys)
  local documents, keys_of = redis.call('HVALS', keys[1]), {}
  for _, document in ipairs(documents) do keys_of[document] = sort_keys(document) end
  table.sort(documents, function(a, b)
    a, b = keys_of[a], keys_of[b]
    if a.name ~= b.name then return less(a.name, b.name) end
    local order = compare(a.version, b.version)
    if order ~= 0 then return order > 0 end
    return less(a.uid, b.uid)
  end)
  return '[' .. table.concat(documents, ',') .. ']'
end

redis.register_function {
  function_name = 'list_modules',
  callback = list_modules,
  flags = {'no-writes'},
}
